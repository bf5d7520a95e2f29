# Makes the mounts by which a node is a machine of its own, in a mount namespace of its own, and then holds that
# namespace until it is killed. What is mounted on the machine later is seen in here, but not the other way round.
set -eu
over() {
	mount --bind "$1" "$2"
	mount --make-shared "$2"
}
over {{.Run}} /run
over {{.VarLog}} /var/log
over {{.CNI}} /var/lib/cni
over {{.Kubelet}} /var/lib/kubelet
# kubelet sets these for the whole machine unless they are as it wants them; here they look as if they were.
{{- range .Tunables}}
mount --bind {{.File}} {{.Path}}
{{- end}}
: >{{.Ready}}
exec sleep infinity
