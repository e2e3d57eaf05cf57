-- How many of a gateway's planned flows may have gone when its turn comes. Null, as in all plans of before: any number.
ALTER TABLE "plan" ADD COLUMN "max_drift" INTEGER;
ALTER TABLE "command" ADD COLUMN "max_drift" INTEGER;
