-- Waves, stops, undo, second persons. All of it is added; what an older controller writes stays valid.

ALTER TABLE "plan" ADD COLUMN "for_seconds" INTEGER, ADD COLUMN "undo_for_seconds" INTEGER NOT NULL DEFAULT 0, ADD COLUMN "created_by_user_id" TEXT NOT NULL DEFAULT '';
ALTER TABLE "gateway" ADD COLUMN "guard" JSONB;

-- A plan runs once and is undone once.
ALTER TABLE "flush" ADD COLUMN "kind" TEXT NOT NULL DEFAULT 'run', ADD COLUMN "wave" INTEGER NOT NULL DEFAULT 1, ADD COLUMN "waves" INTEGER NOT NULL DEFAULT 1,
    ADD COLUMN "stopped_by" TEXT, ADD COLUMN "stop_reason" TEXT;
DROP INDEX "flush_plan_id_key";
CREATE UNIQUE INDEX "flush_plan_id_kind_key" ON "flush"("plan_id", "kind");
-- The few that a sweep looks at among all that ever were.
CREATE INDEX "flush_running" ON "flush" ("id") WHERE "state" = 'running';

ALTER TABLE "flush_target" ADD COLUMN "wave" INTEGER NOT NULL DEFAULT 1, ADD COLUMN "undo_until" TIMESTAMPTZ(3),
    ADD COLUMN "reset" INTEGER NOT NULL DEFAULT 0, ADD COLUMN "blocked" INTEGER NOT NULL DEFAULT 0, ADD COLUMN "expiring" INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN "restored" INTEGER NOT NULL DEFAULT 0, ADD COLUMN "occupied" INTEGER NOT NULL DEFAULT 0, ADD COLUMN "cancelled" INTEGER NOT NULL DEFAULT 0;

ALTER TABLE "command" ADD COLUMN "for_seconds" INTEGER, ADD COLUMN "undo_for_seconds" INTEGER NOT NULL DEFAULT 0, ADD COLUMN "undo_of" UUID, ADD COLUMN "stopped_at" TIMESTAMPTZ(3);

-- Who beside its maker has looked at a plan and agreed. Written once, as the plan is.
CREATE TABLE "plan_approval" (
    "plan_id" UUID NOT NULL PRIMARY KEY REFERENCES "plan"("id") ON DELETE CASCADE ON UPDATE CASCADE,
    "tenant_ids" UUID[],
    "digest" TEXT NOT NULL,
    "approved_by_id" TEXT NOT NULL,
    "approved_by_name" TEXT NOT NULL,
    "approved_at" TIMESTAMPTZ(3) NOT NULL
);

-- From where on a plan needs a second person; null means never by that. A tenant without a row has the defaults of the controller.
CREATE TABLE "tenant_limits" (
    "tenant_id" UUID NOT NULL PRIMARY KEY REFERENCES "tenant"("id") ON DELETE CASCADE ON UPDATE CASCADE,
    "flows" INTEGER,
    "percent_of_table" INTEGER,
    "is_everything" BOOLEAN NOT NULL,
    "are_several_tenants" BOOLEAN NOT NULL
);

GRANT SELECT, INSERT ON "plan_approval" TO ctfleet_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON "tenant_limits" TO ctfleet_app;

ALTER TABLE "plan_approval" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "plan_approval" FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON "plan_approval" USING (app_sees_all(tenant_ids)) WITH CHECK (app_sees_all(tenant_ids));
ALTER TABLE "tenant_limits" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "tenant_limits" FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON "tenant_limits" USING (app_sees(tenant_id)) WITH CHECK (app_sees(tenant_id));
