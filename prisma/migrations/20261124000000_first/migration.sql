-- The first schema. The upper half describes what schema.prisma does; the lower half is what Prisma cannot say:
-- the application's role, row-level security, append-only tables, and the partitioned samples.

-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateTable
CREATE TABLE "user" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "email_verified" BOOLEAN NOT NULL DEFAULT false,
    "image" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "user_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "session" (
    "id" TEXT NOT NULL,
    "token" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "ip_address" TEXT,
    "user_agent" TEXT,
    "user_id" TEXT NOT NULL,

    CONSTRAINT "session_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "account" (
    "id" TEXT NOT NULL,
    "account_id" TEXT NOT NULL,
    "provider_id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "access_token" TEXT,
    "refresh_token" TEXT,
    "id_token" TEXT,
    "access_token_expires_at" TIMESTAMPTZ(3),
    "refresh_token_expires_at" TIMESTAMPTZ(3),
    "scope" TEXT,
    "password" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "account_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "verification" (
    "id" TEXT NOT NULL,
    "identifier" TEXT NOT NULL,
    "value" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "verification_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "role_grant" (
    "id" UUID NOT NULL,
    "user_id" TEXT NOT NULL,
    "role" TEXT NOT NULL,
    "tenant_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "role_grant_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "api_token" (
    "id" UUID NOT NULL,
    "user_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "role" TEXT NOT NULL,
    "tenant_id" UUID,
    "secret_hash" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "last_used_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "api_token_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "first_administrator" (
    "only" BOOLEAN NOT NULL DEFAULT true,
    "user_id" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "first_administrator_pkey" PRIMARY KEY ("only")
);

-- CreateTable
CREATE TABLE "rate_limit" (
    "key" VARCHAR(255) NOT NULL,
    "points" INTEGER NOT NULL DEFAULT 0,
    "expire" BIGINT,

    CONSTRAINT "rate_limit_pkey" PRIMARY KEY ("key")
);

-- CreateTable
CREATE TABLE "tenant" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "colour" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "tenant_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "site" (
    "id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "time_zone" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "site_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "gateway" (
    "id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "site_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "tags" TEXT[],
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "revoked_at" TIMESTAMPTZ(3),
    "agent_version" TEXT,
    "kernel" TEXT,
    "table_kind" TEXT,
    "capabilities" JSONB,
    "wans" JSONB NOT NULL DEFAULT '[]',
    "command_seq" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "gateway_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "enrolment_token" (
    "id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "site_id" UUID NOT NULL,
    "gateway_name" TEXT NOT NULL,
    "tags" TEXT[],
    "secret_hash" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "used_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),
    "gateway_id" UUID,
    "created_by_id" TEXT NOT NULL,
    "created_by_name" TEXT NOT NULL,

    CONSTRAINT "enrolment_token_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "link_session" (
    "gateway_id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "replica_id" UUID NOT NULL,
    "epoch" BIGINT NOT NULL,
    "connected_at" TIMESTAMPTZ(3) NOT NULL,
    "last_heard_at" TIMESTAMPTZ(3) NOT NULL,
    "closed_at" TIMESTAMPTZ(3),

    CONSTRAINT "link_session_pkey" PRIMARY KEY ("gateway_id")
);

-- CreateTable
CREATE TABLE "plan" (
    "id" UUID NOT NULL,
    "tenant_ids" UUID[],
    "digest" TEXT NOT NULL,
    "filter" TEXT NOT NULL,
    "is_everything" BOOLEAN NOT NULL,
    "method" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "ticket" TEXT,
    "friction" TEXT NOT NULL,
    "impact" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "created_by_id" TEXT NOT NULL,
    "created_by_name" TEXT NOT NULL,

    CONSTRAINT "plan_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "plan_gateway" (
    "plan_id" UUID NOT NULL,
    "gateway_id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "site_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "position" INTEGER NOT NULL,
    "state" TEXT NOT NULL,
    "reason" TEXT,
    "flows" INTEGER NOT NULL,
    "table_count" BIGINT,
    "digest" BYTEA,
    "snapshot_at" TIMESTAMPTZ(3),

    CONSTRAINT "plan_gateway_pkey" PRIMARY KEY ("plan_id","gateway_id")
);

-- CreateTable
CREATE TABLE "plan_chunk" (
    "plan_id" UUID NOT NULL,
    "gateway_id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "part" INTEGER NOT NULL,
    "flows" INTEGER NOT NULL,
    "batch" BYTEA NOT NULL,

    CONSTRAINT "plan_chunk_pkey" PRIMARY KEY ("plan_id","gateway_id","part")
);

-- CreateTable
CREATE TABLE "flush" (
    "id" UUID NOT NULL,
    "plan_id" UUID NOT NULL,
    "tenant_ids" UUID[],
    "state" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "finished_at" TIMESTAMPTZ(3),
    "not_after" TIMESTAMPTZ(3) NOT NULL,
    "created_by_id" TEXT NOT NULL,
    "created_by_name" TEXT NOT NULL,

    CONSTRAINT "flush_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "flush_target" (
    "flush_id" UUID NOT NULL,
    "gateway_id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "gateway_name" TEXT NOT NULL,
    "position" INTEGER NOT NULL,
    "state" TEXT NOT NULL,
    "reason" TEXT,
    "planned" INTEGER NOT NULL,
    "deleted" INTEGER NOT NULL DEFAULT 0,
    "rebuilt" INTEGER NOT NULL DEFAULT 0,
    "gone" INTEGER NOT NULL DEFAULT 0,
    "protected" INTEGER NOT NULL DEFAULT 0,
    "reappeared" INTEGER NOT NULL DEFAULT 0,
    "failed" INTEGER NOT NULL DEFAULT 0,
    "indeterminate" INTEGER NOT NULL DEFAULT 0,
    "done" INTEGER NOT NULL DEFAULT 0,
    "table_before" BIGINT,
    "table_after" BIGINT,
    "started_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),
    "outcomes" BYTEA,

    CONSTRAINT "flush_target_pkey" PRIMARY KEY ("flush_id","gateway_id")
);

-- CreateTable
CREATE TABLE "command" (
    "id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "gateway_id" UUID NOT NULL,
    "flush_id" UUID NOT NULL,
    "plan_id" UUID NOT NULL,
    "seq" BIGINT NOT NULL,
    "epoch" BIGINT NOT NULL,
    "method" TEXT NOT NULL,
    "digest" BYTEA NOT NULL,
    "state" TEXT NOT NULL,
    "not_after" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "sent_at" TIMESTAMPTZ(3),
    "received_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "command_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "outbox" (
    "id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "gateway_id" UUID NOT NULL,
    "command_id" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "queued_at" TIMESTAMPTZ(3),

    CONSTRAINT "outbox_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "audit_head" (
    "chain" TEXT NOT NULL,
    "tenant_id" UUID,
    "seq" BIGINT NOT NULL,
    "hash" TEXT NOT NULL,

    CONSTRAINT "audit_head_pkey" PRIMARY KEY ("chain")
);

-- CreateTable
CREATE TABLE "audit_entry" (
    "id" UUID NOT NULL,
    "chain" TEXT NOT NULL,
    "tenant_id" UUID,
    "seq" BIGINT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "actor_kind" TEXT NOT NULL,
    "actor_id" TEXT NOT NULL,
    "actor_name" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "outcome" TEXT NOT NULL,
    "summary" TEXT NOT NULL,
    "plan_id" UUID,
    "flush_id" UUID,
    "gateway_id" UUID,
    "gateway_name" TEXT,
    "reason" TEXT,
    "ticket" TEXT,
    "detail" JSONB NOT NULL,
    "hash" TEXT NOT NULL,
    "previous_hash" TEXT NOT NULL,

    CONSTRAINT "audit_entry_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "user_email_key" ON "user"("email");

-- CreateIndex
CREATE UNIQUE INDEX "session_token_key" ON "session"("token");

-- CreateIndex
CREATE INDEX "session_user_id_idx" ON "session"("user_id");

-- CreateIndex
CREATE INDEX "account_user_id_idx" ON "account"("user_id");

-- CreateIndex
CREATE INDEX "verification_identifier_idx" ON "verification"("identifier");

-- CreateIndex
CREATE INDEX "role_grant_user_id_idx" ON "role_grant"("user_id");

-- CreateIndex
CREATE INDEX "api_token_user_id_idx" ON "api_token"("user_id");

-- CreateIndex
CREATE UNIQUE INDEX "tenant_name_key" ON "tenant"("name");

-- CreateIndex
CREATE UNIQUE INDEX "site_tenant_id_name_key" ON "site"("tenant_id", "name");

-- CreateIndex
CREATE INDEX "gateway_site_id_idx" ON "gateway"("site_id");

-- CreateIndex
CREATE UNIQUE INDEX "gateway_tenant_id_name_key" ON "gateway"("tenant_id", "name");

-- CreateIndex
CREATE INDEX "enrolment_token_tenant_id_created_at_idx" ON "enrolment_token"("tenant_id", "created_at");

-- CreateIndex
CREATE UNIQUE INDEX "flush_plan_id_key" ON "flush"("plan_id");

-- CreateIndex
CREATE INDEX "flush_started_at_idx" ON "flush"("started_at" DESC);

-- CreateIndex
CREATE INDEX "flush_target_gateway_id_idx" ON "flush_target"("gateway_id");

-- CreateIndex
CREATE INDEX "command_flush_id_idx" ON "command"("flush_id");

-- CreateIndex
CREATE UNIQUE INDEX "command_gateway_id_seq_key" ON "command"("gateway_id", "seq");

-- CreateIndex
CREATE UNIQUE INDEX "outbox_command_id_key" ON "outbox"("command_id");

-- CreateIndex
CREATE INDEX "outbox_queued_at_idx" ON "outbox"("queued_at");

-- CreateIndex
CREATE INDEX "audit_entry_tenant_id_id_idx" ON "audit_entry"("tenant_id", "id" DESC);

-- CreateIndex
CREATE INDEX "audit_entry_flush_id_idx" ON "audit_entry"("flush_id");

-- CreateIndex
CREATE UNIQUE INDEX "audit_entry_chain_seq_key" ON "audit_entry"("chain", "seq");

-- AddForeignKey
ALTER TABLE "session" ADD CONSTRAINT "session_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "account" ADD CONSTRAINT "account_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "role_grant" ADD CONSTRAINT "role_grant_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "role_grant" ADD CONSTRAINT "role_grant_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenant"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_token" ADD CONSTRAINT "api_token_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_token" ADD CONSTRAINT "api_token_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenant"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "site" ADD CONSTRAINT "site_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenant"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "gateway" ADD CONSTRAINT "gateway_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenant"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "gateway" ADD CONSTRAINT "gateway_site_id_fkey" FOREIGN KEY ("site_id") REFERENCES "site"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "enrolment_token" ADD CONSTRAINT "enrolment_token_site_id_fkey" FOREIGN KEY ("site_id") REFERENCES "site"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "link_session" ADD CONSTRAINT "link_session_gateway_id_fkey" FOREIGN KEY ("gateway_id") REFERENCES "gateway"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "plan_gateway" ADD CONSTRAINT "plan_gateway_plan_id_fkey" FOREIGN KEY ("plan_id") REFERENCES "plan"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "plan_chunk" ADD CONSTRAINT "plan_chunk_plan_id_gateway_id_fkey" FOREIGN KEY ("plan_id", "gateway_id") REFERENCES "plan_gateway"("plan_id", "gateway_id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "flush" ADD CONSTRAINT "flush_plan_id_fkey" FOREIGN KEY ("plan_id") REFERENCES "plan"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "flush_target" ADD CONSTRAINT "flush_target_flush_id_fkey" FOREIGN KEY ("flush_id") REFERENCES "flush"("id") ON DELETE CASCADE ON UPDATE CASCADE;


-- ---------------------------------------------------------------------------------------------------------------
-- Samples: one row per gateway and time, partitioned by day (roll-ups by month). Counters are cumulative since the
-- gateway started, summed over CPUs; absent is null. The controller makes partitions ahead and drops old ones.

CREATE TABLE "sample" (
    "tenant_id" UUID NOT NULL,
    "gateway_id" UUID NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "count" BIGINT NOT NULL,
    "max" BIGINT,
    "buckets" BIGINT,
    "drop" BIGINT,
    "early_drop" BIGINT,
    "insert_failed" BIGINT,
    "cpus" JSONB NOT NULL DEFAULT '[]',
    "breakdown" JSONB,
    CONSTRAINT "sample_pkey" PRIMARY KEY ("gateway_id", "at")
) PARTITION BY RANGE ("at");
CREATE INDEX "sample_at_brin" ON "sample" USING BRIN ("at");
CREATE INDEX "sample_newest" ON "sample" ("gateway_id", "at" DESC);

-- `drop`, `early_drop` and `insert_failed` are increases within the bucket.
CREATE TABLE "sample_minute" (
    "tenant_id" UUID NOT NULL,
    "gateway_id" UUID NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "samples" INTEGER NOT NULL,
    "count_sum" BIGINT NOT NULL,
    "count_max" BIGINT NOT NULL,
    "max" BIGINT,
    "drop" BIGINT,
    "early_drop" BIGINT,
    "insert_failed" BIGINT,
    "breakdown" JSONB,
    CONSTRAINT "sample_minute_pkey" PRIMARY KEY ("gateway_id", "at")
) PARTITION BY RANGE ("at");
CREATE INDEX "sample_minute_at_brin" ON "sample_minute" USING BRIN ("at");

CREATE TABLE "sample_hour" (LIKE "sample_minute" INCLUDING ALL) PARTITION BY RANGE ("at");

-- ---------------------------------------------------------------------------------------------------------------
-- The application's role owns nothing and cannot step around row-level security. Roles belong to the whole
-- cluster, so another database may have made it already, even at this moment.

DO $$
BEGIN
    CREATE ROLE ctfleet_app NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$
BEGIN
    EXECUTE format('GRANT ctfleet_app TO %I', current_user);
EXCEPTION WHEN unique_violation THEN NULL;
END $$;
GRANT USAGE ON SCHEMA public TO ctfleet_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON
    "user", "session", "account", "verification", "role_grant", "api_token", "rate_limit",
    "tenant", "site", "gateway", "enrolment_token", "link_session",
    "flush", "flush_target", "command", "outbox", "sample", "sample_minute", "sample_hour"
    TO ctfleet_app;
-- Plans are immutable, audit entries too, and the first administrator is made once.
GRANT SELECT, INSERT ON "plan", "plan_gateway", "plan_chunk", "audit_entry", "first_administrator" TO ctfleet_app;
GRANT SELECT, INSERT, UPDATE ON "audit_head" TO ctfleet_app;

ALTER TABLE "first_administrator" ADD CONSTRAINT "first_administrator_only_one" CHECK ("only");

-- ---------------------------------------------------------------------------------------------------------------
-- The second wall between tenants. `app.tenants` is set inside each transaction: `all`, or ids with commas.
-- Unset means none.

CREATE FUNCTION app_sees(tenant UUID) RETURNS BOOLEAN LANGUAGE sql STABLE PARALLEL SAFE
    RETURN current_setting('app.tenants', true) = 'all'
        OR tenant = ANY (string_to_array(nullif(current_setting('app.tenants', true), 'all'), ',')::uuid[]);

-- For what concerns several tenants: all of them must be visible.
CREATE FUNCTION app_sees_all(tenants UUID[]) RETURNS BOOLEAN LANGUAGE sql STABLE PARALLEL SAFE
    RETURN current_setting('app.tenants', true) = 'all'
        OR tenants <@ string_to_array(nullif(current_setting('app.tenants', true), 'all'), ',')::uuid[];

DO $$
DECLARE
    name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['site', 'gateway', 'enrolment_token', 'link_session', 'plan_gateway', 'plan_chunk', 'flush_target', 'command',
        'outbox', 'audit_head', 'audit_entry', 'role_grant', 'api_token', 'sample', 'sample_minute', 'sample_hour']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (app_sees(tenant_id)) WITH CHECK (app_sees(tenant_id))', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['plan', 'flush']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (app_sees_all(tenant_ids)) WITH CHECK (app_sees_all(tenant_ids))', name);
    END LOOP;
    ALTER TABLE "tenant" ENABLE ROW LEVEL SECURITY;
    ALTER TABLE "tenant" FORCE ROW LEVEL SECURITY;
    CREATE POLICY tenant ON "tenant" USING (app_sees("id")) WITH CHECK (app_sees("id"));
END $$;
