-- How many of a gateway's part of a plan would not live on without it: limits of runs count the others. Unknown of plans made before.
ALTER TABLE "plan_gateway" ADD COLUMN "stale_flows" INTEGER;
