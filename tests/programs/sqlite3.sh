# shellcheck shell=bash
# sqlite3 with its mutexes: four writers of one database at once, then its own check.
command -v sqlite3 >/dev/null || { echo 'skipped: sqlite3 is not installed'; exit 77; }
sqlite3 data 'pragma journal_mode=wal; create table numbers (writer integer, number integer)'
for writer in 1 2 3 4; do
  sqlite3 -cmd '.timeout 60000' data "pragma threads=2; with recursive n(i) as (values(1) union all select i+1 from n where i<20000)
    insert into numbers select $writer, i from n" >"writer.$writer" &
done
wait
cat writer.*
sqlite3 data 'pragma threads=4; create index by_number on numbers (number, writer); pragma integrity_check;
  select writer, count(*), sum(number) from numbers group by writer order by writer;
  select count(distinct number) from numbers'
