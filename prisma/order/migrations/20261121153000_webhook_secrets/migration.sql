-- Every secret signs on for a day after it was replaced, not only the last one.
ALTER TABLE "webhooks" ADD COLUMN "secrets_replaced_at" TIMESTAMPTZ(3)[] DEFAULT ARRAY[]::TIMESTAMPTZ(3)[];

UPDATE "webhooks" SET "secrets_replaced_at" =
  array_fill("previous_secret_until" - interval '1 day', ARRAY["secret_generation" - 1])
  WHERE "secret_generation" > 1;

ALTER TABLE "webhooks" DROP COLUMN "secret_generation", DROP COLUMN "previous_secret_until";
