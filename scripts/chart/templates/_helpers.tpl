{{- define "sponsorsync.name" -}}
{{ printf "%s-%s" .Release.Name .component | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "sponsorsync.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "sponsorsync.meta" -}}
name: {{ include "sponsorsync.name" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "sponsorsync.selector" . | nindent 2 }}
  app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
  app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- /* One variable from one key. */}}
{{- define "sponsorsync.from" -}}
- name: {{ .name }}
  valueFrom:
    {{ .kind }}KeyRef: { name: {{ .of | quote }}, key: {{ .key | quote }}{{ if .optional }}, optional: true{{ end }} }
{{- end }}

{{- /* Redis and the encryption key, which all of them need, and what the admin sets. */}}
{{- define "sponsorsync.env" -}}
{{- $s := .Values.secret -}}
{{ include "sponsorsync.from" (dict "name" "REDIS_URL" "kind" "secret" "of" $s.name "key" $s.redis) }}
{{ include "sponsorsync.from" (dict "name" "SPONSORSYNC_ENCRYPTION_KEY" "kind" "secret" "of" $s.name "key" $s.encryptionKey) }}
{{- range $name, $value := .settings.env }}
- { name: {{ $name }}, value: {{ $value | quote }} }
{{- end }}
{{- end }}

{{- /* All that the three pods have in common. The variables that Kubernetes makes of
Services begin like settings of ours: hence no service links. */}}
{{- define "sponsorsync.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: 150 # drain 120 s, and what a hanging Redis and NATS may add
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "sponsorsync.selector" . | nindent 8 }}
{{- end }}

{{- define "sponsorsync.container" -}}
image: "{{ required "image.repository is required: there is no published image; build the Dockerfile and push it" .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
ports:
  - { name: http, containerPort: {{ .port }} }
startupProbe:
  httpGet: { path: /healthz, port: http }
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: { path: /healthz, port: http }
  periodSeconds: 10
  timeoutSeconds: 5
readinessProbe:
  httpGet: { path: /readyz, port: http }
  periodSeconds: 10
  timeoutSeconds: 5
resources:
  {{- toYaml .settings.resources | nindent 2 }}
{{- end }}

{{- define "sponsorsync.mounts" -}}
{{- if .Values.secret.files }}
- { name: files, mountPath: /etc/sponsorsync, readOnly: true }
{{- end }}
{{- if eq .component "worker" }}
- { name: licenses, mountPath: /licenses }
{{- end }}
{{- end }}

{{- define "sponsorsync.volumes" -}}
{{- if .Values.secret.files }}
- name: files
  secret: { secretName: {{ .Values.secret.files | quote }} }
{{- end }}
{{- if eq .component "worker" }}
- name: licenses
  {{- if .Values.worker.licenseClaim }}
  persistentVolumeClaim: { claimName: {{ .Values.worker.licenseClaim | quote }} }
  {{- else }}
  emptyDir: { sizeLimit: 16Mi }
  {{- end }}
{{- end }}
{{- end }}

{{- /* The head of a Deployment up to its pods. */}}
{{- define "sponsorsync.template" -}}
selector:
  matchLabels:
    {{- include "sponsorsync.selector" . | nindent 4 }}
{{- end }}
