# shellcheck shell=bash
# xz compresses and checks in threads; what comes out must be what went in, and the same each time.
command -v xz >/dev/null || { echo 'skipped: xz is not installed'; exit 77; }
seq 1 3000000 >numbers
xz --keep --threads=4 --block-size=1MiB -1 numbers
xz --test --threads=4 numbers.xz
sha256sum numbers.xz
xz --decompress --stdout --threads=4 numbers.xz | cmp - numbers
