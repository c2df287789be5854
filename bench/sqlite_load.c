/*
 * A threaded load on SQLite: point queries on in-memory databases, one database and connection per worker.
 *
 *   sqlite_load WORKERS QUERIES     QUERIES is for each worker
 *
 * SQLite's serialized mode takes the connection's mutex in every call, and its allocator takes a mutex of the
 * whole process, on which workers meet: of the nine acquisitions of a query two are of that one. No lookaside
 * memory, which would hide the allocator. Prints the sum of what it read.
 */
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 1000, MAX_WORKERS = 64 };

static long queries;

static void check(int status, const char* what) {
  if (status == SQLITE_OK || status == SQLITE_ROW || status == SQLITE_DONE) return;
  fprintf(stderr, "sqlite_load: %s: %s\n", what, sqlite3_errstr(status));
  exit(1);
}

static sqlite3_stmt* prepare(sqlite3* db, const char* sql) {
  sqlite3_stmt* statement;
  check(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), sql);
  return statement;
}

static void fill(sqlite3* db) {
  sqlite3_stmt* insert = prepare(db, "INSERT INTO t VALUES (?, ? * 7)");
  for (int row = 0; row < ROWS; ++row) {
    check(sqlite3_bind_int(insert, 1, row), "bind");
    check(sqlite3_bind_int(insert, 2, row), "bind");
    check(sqlite3_step(insert), "insert");
    check(sqlite3_reset(insert), "reset");
  }
  sqlite3_finalize(insert);
}

static void* worker(void* sum) {
  sqlite3* db;
  const int mode = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_FULLMUTEX;
  check(sqlite3_open_v2(":memory:", &db, mode, NULL), "open");
  check(sqlite3_db_config(db, SQLITE_DBCONFIG_LOOKASIDE, NULL, 0, 0), "lookaside");
  check(sqlite3_exec(db, "CREATE TABLE t (id INTEGER PRIMARY KEY, value INTEGER)", NULL, NULL, NULL),
        "create");
  fill(db);
  sqlite3_stmt* select = prepare(db, "SELECT printf('%d', value) FROM t WHERE id = ?");
  for (long i = 0; i < queries; ++i) {
    check(sqlite3_bind_int(select, 1, (int)(i * 379 % ROWS)), "bind");
    check(sqlite3_step(select), "select");
    *(long*)sum += sqlite3_column_int(select, 0);
    check(sqlite3_reset(select), "reset");
  }
  sqlite3_finalize(select);
  sqlite3_close(db);
  return NULL;
}

int main(int argc, char** argv) {
  const int workers = argc == 3 ? atoi(argv[1]) : 0;
  queries = argc == 3 ? atol(argv[2]) : 0;
  if (workers < 1 || workers > MAX_WORKERS || queries < 1) {
    fprintf(stderr, "usage: sqlite_load WORKERS QUERIES, at most %d workers\n", MAX_WORKERS);
    return 2;
  }
  pthread_t threads[MAX_WORKERS];
  long sums[MAX_WORKERS] = {0};
  for (int i = 0; i < workers; ++i) {
    if (pthread_create(&threads[i], NULL, worker, &sums[i]) != 0) return 1;
  }
  long total = 0;
  for (int i = 0; i < workers; ++i) {
    pthread_join(threads[i], NULL);
    total += sums[i];
  }
  printf("%ld\n", total);
  return 0;
}
