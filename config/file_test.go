package config_test

import (
	"testing"

	"github.com/sponsorsync/sponsorsync/config"
)

func TestTheServersSecretsAndURLsMayBeFilesToo(t *testing.T) {
	t.Parallel()
	w, err := config.LoadWorker(read(t,
		"REDIS_URL_FILE="+file(t, "redis://:hunter2@redis/3\n"), "NATS_URL_FILE="+file(t, "nats://worker:hunter2@nats\n"),
		"globalSettings__enableCloudCommunication=true", "globalSettings__installation__id=01234567-89ab-cdef-0123-456789abcdef",
		"globalsettings__INSTALLATION__key_FILE="+file(t, "hunter2\n"), config.EncryptionKey+"_FILE="+file(t, key32+"\n")))
	if err != nil {
		t.Fatal(err)
	}
	if w.Redis.URL.Reveal() != "redis://:hunter2@redis/3" || w.NATS.URL.Reveal() != "nats://worker:hunter2@nats" || w.Cloud.InstallationKey.Reveal() != "hunter2" {
		t.Errorf("got %+v", w)
	}
}

func TestProbesNeedNoOtherSetting(t *testing.T) {
	t.Parallel()
	p, err := config.LoadProbes(read(t, "SPONSORSYNC_LISTEN=0.0.0.0:9", "SPONSORSYNC_API_TOKEN_FILE=/nowhere", config.EncryptionKey+"=bad"))
	if err != nil || p.Serve != "0.0.0.0:9" || p.Worker != "127.0.0.1:8081" || p.Bridge != "" {
		t.Errorf("got %+v, %v", p, err)
	}
}
