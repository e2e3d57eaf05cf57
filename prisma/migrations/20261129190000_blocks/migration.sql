-- What a gateway froze of a block beside its flows: a RefusedPackets message; and in words what it lets through all the same.
ALTER TABLE "plan_gateway" ADD COLUMN "refused" BYTEA, ADD COLUMN "spared" TEXT[] NOT NULL DEFAULT '{}';

-- Of a block: packets that it had refused when the gateway looked again, and until when it stands.
ALTER TABLE "flush_target" ADD COLUMN "packets_refused" BIGINT, ADD COLUMN "refused_until" TIMESTAMPTZ(3);

-- What is blocked on gateways, as they say it.
CREATE TABLE "block" (
    "id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "gateway_id" UUID NOT NULL,
    "gateway_name" TEXT NOT NULL,
    -- The gateway's own name of it: the id of the command, or of the remediation's run.
    "name" TEXT NOT NULL,
    "flush_id" UUID,
    "begun_by" TEXT NOT NULL,
    "refused" BYTEA NOT NULL,
    "flows" INTEGER NOT NULL,
    "packets_refused" BIGINT NOT NULL,
    "since" TIMESTAMPTZ(3) NOT NULL,
    "until" TIMESTAMPTZ(3) NOT NULL,
    -- Who wants it lifted; until the gateway says that it is over.
    "lifted_by" TEXT,
    "over_at" TIMESTAMPTZ(3),

    CONSTRAINT "block_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "block_gateway_id_name_key" ON "block"("gateway_id", "name");
CREATE INDEX "block_flush_id_idx" ON "block"("flush_id");
CREATE INDEX "block_until_idx" ON "block"("until");

GRANT SELECT, INSERT, UPDATE, DELETE ON "block" TO ctfleet_app;
ALTER TABLE "block" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "block" FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON "block" USING (app_sees(tenant_id)) WITH CHECK (app_sees(tenant_id));
