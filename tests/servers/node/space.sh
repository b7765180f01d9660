# The first process of a test node's own mount and process namespaces: makes the node's places, then waits.
# Arguments: the node's folder, the file to make when all is ready. Everything ends with this process.
set -eu
folder=$1

# Volumes travel between the node, the driver and the pods, never to the host: this tree is a private copy of its tree.
mount --make-rshared /
mount -t tmpfs -o mode=755 run /run
mount -t tmpfs -o mode=755 lib /var/lib
mount -t tmpfs -o mode=755 log /var/log
mkdir /var/lib/kubelet /var/log/containers
mount --bind "$folder/kubelet" /var/lib/kubelet
# A peer group of its own, else each volume is listed twice.
mount --make-private /var/lib/kubelet
mount --make-shared /var/lib/kubelet

# The kubelet writes what it finds different; it finds its own values, and the host keeps those it has.
while read -r name value; do
    [ -e "/proc/sys/$name" ] || continue
    file=$folder/sysctl/$name
    mkdir -p "${file%/*}"
    echo "$value" >"$file"
    mount --bind "$file" "/proc/sys/$name"
done <<END
vm/overcommit_memory 1
vm/panic_on_oom 0
kernel/panic 10
kernel/panic_on_oops 1
kernel/keys/root_maxkeys 1000000
kernel/keys/root_maxbytes 25000000
END

: >"$2"
# Orphans of the node become children of this shell, which reaps them between two waits.
while :; do sleep 1; done
