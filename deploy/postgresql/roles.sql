-- Two roles: one that owns the schema and migrates, one that the processes run as, which changes rows and
-- nothing else. Once, as a superuser, in the service's database, before the first `calldesk migrate`:
--     createdb calldesk && psql -d calldesk -f roles.sql
-- Then `\password calldesk_owner` and `\password calldesk`.

CREATE ROLE calldesk_owner LOGIN;
CREATE ROLE calldesk LOGIN;

CREATE SCHEMA communication_service AUTHORIZATION calldesk_owner;
GRANT USAGE ON SCHEMA communication_service TO calldesk;

-- What calldesk_owner makes from now on, and (in a database that is there already) what it has made.
ALTER DEFAULT PRIVILEGES FOR ROLE calldesk_owner IN SCHEMA communication_service
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO calldesk;
ALTER DEFAULT PRIVILEGES FOR ROLE calldesk_owner IN SCHEMA communication_service
    GRANT SELECT, USAGE, UPDATE ON SEQUENCES TO calldesk;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA communication_service TO calldesk;
GRANT SELECT, USAGE, UPDATE ON ALL SEQUENCES IN SCHEMA communication_service TO calldesk;

-- PostgreSQL 14 lets everybody make tables in "public".
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
