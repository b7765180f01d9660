#!/usr/bin/env bash
# Builds the parts of Kubernetes that the tests run against into the cache folder, and prints that folder.
# Usage: kubernetes.sh [ensure|path]. A first run takes 10 to 25 minutes on two cores; an interrupted one goes on.
set -euo pipefail

version=1.34.4
folder="${XDG_CACHE_HOME:-$HOME/.cache}/keyreeve/kubernetes-$version"
programs="etcd etcd go.etcd.io/etcd/server/v3
kube-apiserver kubernetes k8s.io/kubernetes/cmd/kube-apiserver
kube-controller-manager kubernetes k8s.io/kubernetes/cmd/kube-controller-manager
kubectl kubernetes k8s.io/kubernetes/cmd/kubectl
kube-scheduler kubernetes k8s.io/kubernetes/cmd/kube-scheduler
kubelet kubernetes k8s.io/kubernetes/cmd/kubelet
csi-sanity csi-sanity github.com/kubernetes-csi/csi-test/v5/cmd/csi-sanity"

# Without these a server says that it is v0.0.0, and clients that look at the version go wrong.
about=k8s.io/component-base/version
ldflags="-s -w -X $about.gitVersion=v$version -X $about.gitMajor=1 -X $about.gitMinor=34 -X $about.gitTreeState=clean"

. "$(dirname "$0")/go/build.sh"
main "$folder" "$@"
