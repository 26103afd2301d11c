{{/* The release's name; every object has it, or begins with it. */}}
{{- define "fmgsync.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "fmgsync.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "fmgsync.name" .) -}}
{{- end }}

{{/* Cluster-wide objects also carry the namespace, so that two releases of one name can be. */}}
{{- define "fmgsync.clusterName" -}}
{{- $name := include "fmgsync.name" . -}}
{{- if eq $name .Release.Namespace }}{{ $name }}{{ else }}{{ printf "%s-%s" .Release.Namespace $name | trunc 50 | trimSuffix "-" }}{{ end -}}
{{- end }}

{{- define "fmgsync.selector" -}}
app.kubernetes.io/name: fmgsync
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: controller
{{- end }}

{{- define "fmgsync.labels" -}}
{{ include "fmgsync.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "fmgsync.configMap" -}}
{{- .Values.existingConfigMap | default (printf "%s-config" (include "fmgsync.name" .)) -}}
{{- end }}

{{- define "fmgsync.port" -}}
{{- regexFind "[0-9]+$" .Values.listen -}}
{{- end }}

{{/*
"shared" where replicas share the ADOMs by Leases, else "single". A configuration that would let two
replicas write one ADOM is refused here; one in an existing ConfigMap cannot be looked into.
*/}}
{{- define "fmgsync.mode" -}}
{{- if .Values.existingConfigMap -}}
  {{- if gt (int .Values.replicas) 1 }}shared{{ else }}single{{ end -}}
{{- else -}}
  {{- $config := required "config: give the whole fmgsync.yaml, with --set-file config=fmgsync.yaml" .Values.config | fromYaml -}}
  {{- if hasKey $config "Error" -}}
    {{- fail (printf "config: no YAML mapping: %s" (get $config "Error")) -}}
  {{- end -}}
  {{- if get $config "lease" -}}
    {{- $namespace := dig "lease" "namespace" "fmgsync" $config -}}
    {{- if ne $namespace .Release.Namespace -}}
      {{- fail (printf "config: lease.namespace is %q, and the release's namespace %q: fmgsync has rights to Leases in its own only" $namespace .Release.Namespace) -}}
    {{- end -}}
shared
  {{- else if gt (int .Values.replicas) 1 -}}
    {{- fail "config: more than one replica without `lease:`: two would write the same ADOM; add `lease: {namespace: ...}`, or set replicas=1" -}}
  {{- else -}}
single
  {{- end -}}
{{- end -}}
{{- end }}

{{/*
What the rules need of this cluster, the one without `kubeconfig` and `manifests`: the same as
`fmgsync config rbac` prints. A configuration in an existing ConfigMap cannot be looked into:
rbac.kinds says what its rules need beside pods, nodes and namespaces.
*/}}
{{- define "fmgsync.reads" -}}
{{- $config := .Values.config | fromYaml -}}
{{- $here := "" -}}
{{- range get $config "clusters" | default list -}}
  {{- if not (or (hasKey . "kubeconfig") (hasKey . "manifests")) }}{{ $here = .name }}{{ end -}}
{{- end -}}
{{- $kinds := dict -}}
{{- range .Values.rbac.kinds }}{{ $kinds = set $kinds . true }}{{ end -}}
{{- range get $config "groups" | default list -}}
  {{- $sites := dig "sites" "clusters" list . -}}
  {{- if or (not $sites) (has $here $sites) -}}
    {{- if hasKey . "fromGlobalNetworkPolicies" -}}
      {{- $kinds = set $kinds "serviceaccounts" true -}}
      {{- $kinds = set $kinds "globalnetworkpolicies" true -}}
      {{- if .staged }}{{ $kinds = set $kinds "stagedglobalnetworkpolicies" true }}{{ end -}}
    {{- end -}}
    {{- if contains "pcsa." (printf "%s %s" .select .namespaces) -}}
      {{- $kinds = set $kinds "serviceaccounts" true -}}
    {{- end -}}
    {{- if eq (toString .publish) "ipPool" }}{{ $kinds = set $kinds "ippools" true }}{{ end -}}
    {{- if .networkSets -}}
      {{- $kinds = set $kinds "globalnetworksets" true -}}
      {{- $kinds = set $kinds "networksets" true -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
- apiGroups: [""]
  resources: [pods, nodes, namespaces{{ if $kinds.serviceaccounts }}, serviceaccounts{{ end }}]
  verbs: [list, watch]
{{- $calico := list -}}
{{- $tiered := list -}}
{{- range list "globalnetworkpolicies" "stagedglobalnetworkpolicies" "globalnetworksets" "ippools" "networksets" -}}
  {{- if get $kinds . -}}
    {{- $calico = append $calico . -}}
    {{- if contains "policies" . }}{{ $tiered = append $tiered (printf "tier.%s" .) }}{{ end -}}
  {{- end -}}
{{- end -}}
{{- if $calico }}
- apiGroups: [projectcalico.org, crd.projectcalico.org]
  resources: [{{ join ", " $calico }}]
  verbs: [list, watch]
{{- end -}}
{{- if $tiered }}
# Calico's API server asks for these as well, tier by tier.
- apiGroups: [projectcalico.org]
  resources: [{{ join ", " $tiered }}]
  verbs: [get, list, watch]
- apiGroups: [projectcalico.org]
  resources: [tiers]
  verbs: [get]
{{- end -}}
{{- end }}
