-- The second person's signature with the place of the gateway's part in the plan (SignedApproval); null where nobody signed.
ALTER TABLE "command" ADD COLUMN "approval" BYTEA;
