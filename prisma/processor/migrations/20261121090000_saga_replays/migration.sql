-- AlterTable
ALTER TABLE "sagas" ADD COLUMN     "replays" INTEGER NOT NULL DEFAULT 0;

-- What Prisma cannot express.

-- So far the replay count was the run.
UPDATE "sagas" SET "replays" = "run" WHERE "run" > 0;
