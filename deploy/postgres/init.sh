#!/bin/sh
# Run once by the image of Postgres, on an empty volume: Scorekeeper's database with its three roles, and Prefect's.
set -eu
psql() { command psql -v ON_ERROR_STOP=1 --no-psqlrc --quiet --username "$POSTGRES_USER" "$@"; }

psql --dbname postgres <<'END'
\getenv prefect PREFECT_DATABASE_PASSWORD
CREATE ROLE prefect LOGIN PASSWORD :'prefect';
CREATE DATABASE prefect OWNER prefect;
REVOKE ALL ON DATABASE prefect FROM PUBLIC;
CREATE DATABASE scorekeeper;
END
# What `scorekeeper roles` prints. The first migrate gives the roles their rights.
psql --dbname scorekeeper --file "$ROLES_FILE"
psql --dbname scorekeeper <<'END'
\getenv owner OWNER_PASSWORD
\getenv writer WRITER_PASSWORD
\getenv reader READER_PASSWORD
ALTER ROLE scorekeeper_owner PASSWORD :'owner';
ALTER ROLE scorekeeper_writer PASSWORD :'writer';
ALTER ROLE scorekeeper_reader PASSWORD :'reader';
END
