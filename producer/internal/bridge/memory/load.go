package memory

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
)

// scanned is how many links are asked for at once, so that Redis is not busy with an
// organization of a hundred thousand for long.
const scanned = 1000

// Load reads what is remembered of an organization. Where that is nothing it returns an empty
// memory with a key of its own, of which the first [Store.Save] is the one that stays. The
// error is [state.ErrNewer] when a newer program must read it.
func (s *Store) Load(ctx context.Context, org sponsorship.ID) (Kept, error) {
	k := Kept{org: org, stored: map[string]string{}}
	k.Links = map[string]merge.Link{}
	values, err := s.rdb.HMGet(ctx, state.BridgeKey(org), "memory", "edit", "key").Result()
	if err != nil {
		return k, fmt.Errorf("read the bridge's memory of %s: %w", org, err)
	}
	text, known := values[0].(string)
	k.edit, _ = values[1].(string)
	if !known {
		k.New, k.key = true, newKey()
		return k, nil
	}
	if err := decode(text, &k.Memory); err != nil {
		return k, fmt.Errorf("read the bridge's memory of %s: %w", org, err)
	}
	sealed, _ := values[2].(string)
	if k.key, err = s.openKey(org, sealed); err != nil {
		return k, fmt.Errorf("read the bridge's memory: %w", err)
	}
	return k, s.links(ctx, &k)
}

func (s *Store) links(ctx context.Context, k *Kept) error {
	k.Links = map[string]merge.Link{}
	for cursor := uint64(0); ; {
		found, next, err := s.rdb.HScan(ctx, linksKey(k.org), cursor, "", scanned).Result()
		if err != nil {
			return fmt.Errorf("read the bridge's links of %s: %w", k.org, err)
		}
		for n := 0; n+1 < len(found); n += 2 { // id and link by turns
			var link merge.Link
			if err := decode(found[n+1], &link); err != nil {
				return fmt.Errorf("read the bridge's link of row %s: %w", found[n], err)
			}
			k.Links[found[n]], k.stored[found[n]] = link, found[n+1]
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// decode reads what encode wrote.
func decode(text string, into any) error {
	var head struct {
		Version int `json:"v"`
	}
	if err := json.Unmarshal([]byte(text), &head); err != nil {
		return err
	}
	if head.Version > version {
		return state.ErrNewer
	}
	return json.Unmarshal([]byte(text), into)
}

func encode[T merge.Memory | merge.Link](v T) (string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	head := fmt.Sprintf(`{"v":%d`, version)
	if len(text) > len("{}") {
		head += ","
	}
	return head + string(text[1:]), nil
}
