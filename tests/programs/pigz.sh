# shellcheck shell=bash
# pigz compresses in threads with its own pool and queues.
command -v pigz >/dev/null || { echo 'skipped: pigz is not installed'; exit 77; }
seq 1 3000000 >numbers
pigz --keep --processes 4 --blocksize 128 --no-time numbers
pigz --test numbers.gz
sha256sum numbers.gz
pigz --decompress --stdout numbers.gz | cmp - numbers
