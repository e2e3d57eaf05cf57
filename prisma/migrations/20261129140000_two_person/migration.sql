-- What ends flows by itself is decided by two people: who agreed to which revision, whether a token made it act, and why it was held back.
ALTER TABLE "remediation"
    ADD COLUMN "approved_revision" INTEGER,
    ADD COLUMN "approved_by_id" TEXT,
    ADD COLUMN "approved_by_name" TEXT,
    ADD COLUMN "approved_at" TIMESTAMPTZ(3),
    -- No person has decided what it does now: an API token saved it.
    ADD COLUMN "is_by_token" BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN "held_back_at" TIMESTAMPTZ(3),
    ADD COLUMN "held_back_why" TEXT;

-- It did not help, or what came of it is not known.
ALTER TABLE "remediation_run" ADD COLUMN "is_failed" BOOLEAN NOT NULL DEFAULT false;

-- Of the last sweep that a part tells of: its number, and how many flows it left that should be gone.
ALTER TABLE "remediation_run_part" ADD COLUMN "last_sweep" INTEGER;
ALTER TABLE "remediation_run_part" ADD COLUMN "left_flows" INTEGER;
