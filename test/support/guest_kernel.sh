#!/bin/sh
# Downloads Debian's cloud kernel and unpacks it, without installing it, into build/guest: for tests with virtual machines.
set -eu
cd "$(dirname "$0")/../.."
[ -e build/guest/boot ] && exit 0
package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
rm -rf build/guest.new
mkdir -p build/guest.new
cd build/guest.new
apt-get -o APT::Sandbox::User=root download "$package"
dpkg-deb -x linux-image-*.deb .
rm linux-image-*.deb
cd ..
rm -rf guest
mv guest.new guest
