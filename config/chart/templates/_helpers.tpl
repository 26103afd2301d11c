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

{{/* The plural of a kind by custom, as `publish: object` takes it where nobody says otherwise. */}}
{{- define "fmgsync.plural" -}}
{{- $name := lower . -}}
{{- if regexMatch "[^aeiou]y$" $name }}{{ trimSuffix "y" $name }}ies
{{- else if regexMatch "(s|x|ch|sh)$" $name }}{{ $name }}es
{{- else }}{{ $name }}s{{ end -}}
{{- end }}

{{/* The cluster this runs in, by its name in the configuration: without `kubeconfig` and `manifests`. */}}
{{- define "fmgsync.here" -}}
{{- range get (.Values.config | fromYaml) "clusters" | default list -}}
  {{- if not (or (hasKey . "kubeconfig") (hasKey . "manifests")) }}{{ .name }}{{ end -}}
{{- end -}}
{{- end }}

{{/* Whether the old Calico controller's ConfigMaps are read, and are in this cluster. */}}
{{- define "fmgsync.compat" -}}
{{- $compat := get (.Values.config | fromYaml) "calicoCompat" -}}
{{- if $compat }}{{ if eq $compat.cluster (include "fmgsync.here" .) }}{{ $compat.namespace | default "tigera-firewall-controller" }}{{ end }}{{ end -}}
{{- end }}

{{/*
What the rules need of this cluster, the one without `kubeconfig` and `manifests`: the same as
`fmgsync config rbac` prints. A configuration in an existing ConfigMap cannot be looked into:
rbac.kinds says what its rules need beside pods, nodes and namespaces.
*/}}
{{- define "fmgsync.reads" -}}
{{- $config := .Values.config | fromYaml -}}
{{- $here := include "fmgsync.here" . -}}
{{- $kinds := dict "pods" true "nodes" true "namespaces" true -}}
{{- $described := list -}}
{{- range .Values.rbac.kinds -}}
  {{- if contains "." . -}}
    {{- $words := splitn "." 2 . -}}
    {{- $described = append $described (printf "%s=%s" $words._0 $words._1) -}}
  {{- else -}}
    {{- $kinds = set $kinds . true -}}
  {{- end -}}
{{- end -}}
{{- if include "fmgsync.compat" . -}}
  {{- $kinds = set $kinds "serviceaccounts" true -}}
  {{- $kinds = set $kinds "globalnetworkpolicies" true -}}
{{- end -}}
{{- $published := dict "ipPool" "ippools" "service" "services" "endpointSlice" "endpointslices" "gateway" "gateways" "ingress" "ingresses" -}}
{{- $ways := list "ippools" "felixconfigurations" "egressgateways" "egressgatewaypolicies" "egressips" "egresses" "ciliumegressgatewaypolicies" "subnets" "vpc-egress-gateways" -}}
{{- $named := list "daemonsets/aws-node" "configmaps/ip-masq-agent" "configmaps/azure-ip-masq-agent-config" "configmaps/cilium-config" -}}
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
    {{- with get $published (toString .publish) }}{{ $kinds = set $kinds . true }}{{ end -}}
    {{- if has (toString .publish) (list "auto" "egressGateway") -}}
      {{- range $ways }}{{ $kinds = set $kinds . true }}{{ end -}}
    {{- end -}}
    {{- if eq (toString .publish) "auto" -}}
      {{- range $named }}{{ $kinds = set $kinds . true }}{{ end -}}
    {{- end -}}
    {{- if .networkSets -}}
      {{- $kinds = set $kinds "globalnetworksets" true -}}
      {{- $kinds = set $kinds "networksets" true -}}
    {{- end -}}
    {{- with .object -}}
      {{- $group := ternary (regexReplaceAll "/.*$" .apiVersion "") "" (contains "/" .apiVersion) -}}
      {{- $described = append $described (printf "%s=%s" (.resource | default (include "fmgsync.plural" .kind)) $group) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- /* Every kind that may be needed, with the API groups it may be found in. */ -}}
{{- $calico := "projectcalico.org, crd.projectcalico.org" -}}
{{- $table := list
  "pods="
  "nodes="
  "namespaces="
  "serviceaccounts="
  (printf "globalnetworkpolicies=%s" $calico)
  (printf "stagedglobalnetworkpolicies=%s" $calico)
  (printf "globalnetworksets=%s" $calico)
  (printf "networksets=%s" $calico)
  (printf "ippools=%s" $calico)
  (printf "felixconfigurations=%s" $calico)
  "egressgateways=operator.tigera.io"
  (printf "egressgatewaypolicies=%s" $calico)
  "egressips=k8s.ovn.org"
  "egresses=crd.antrea.io"
  "ciliumegressgatewaypolicies=cilium.io"
  "subnets=kubeovn.io"
  "vpc-egress-gateways=kubeovn.io"
  "services="
  "endpointslices=discovery.k8s.io"
  "gateways=gateway.networking.k8s.io"
  "ingresses=networking.k8s.io"
-}}
{{- $wanted := list -}}
{{- range $table }}{{ if get $kinds (splitn "=" 2 .)._0 }}{{ $wanted = append $wanted . }}{{ end }}{{ end -}}
{{- $homes := dict -}}
{{- $order := list -}}
{{- range concat $wanted ($described | sortAlpha | uniq) -}}
  {{- $words := splitn "=" 2 . -}}
  {{- $group := $words._1 | default "\"\"" -}}
  {{- if not (hasKey $homes $group) }}{{ $order = append $order $group }}{{ end -}}
  {{- $homes = set $homes $group (append (get $homes $group | default list) $words._0 | uniq) -}}
{{- end -}}
{{- range $order }}
- apiGroups: [{{ . }}]
  resources: [{{ join ", " (get $homes .) }}]
  verbs: [list, watch]
{{- end -}}
{{- range $resource := list "daemonsets" "configmaps" -}}
  {{- $names := list -}}
  {{- range $named -}}
    {{- if and (get $kinds .) (hasPrefix (printf "%s/" $resource) .) }}{{ $names = append $names (trimPrefix (printf "%s/" $resource) .) }}{{ end -}}
  {{- end -}}
  {{- if $names }}
- apiGroups: [{{ ternary "apps" "" (eq $resource "daemonsets") | quote }}]
  resources: [{{ $resource }}]
  resourceNames: [{{ join ", " $names }}]
  verbs: [list, watch]
  {{- end -}}
{{- end -}}
{{- $tiered := list -}}
{{- range list "globalnetworkpolicies" "stagedglobalnetworkpolicies" -}}
  {{- if get $kinds . }}{{ $tiered = append $tiered (printf "tier.%s" .) }}{{ end -}}
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
