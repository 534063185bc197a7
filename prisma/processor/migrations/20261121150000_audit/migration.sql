-- CreateTable
CREATE TABLE "audit_progress" (
    "id" SMALLINT NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "finished_at" TIMESTAMPTZ(3),
    "checked" BIGINT NOT NULL DEFAULT 0,
    "feeds" JSONB NOT NULL DEFAULT '{}',

    CONSTRAINT "audit_progress_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "audit_findings" (
    "source" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "invariant" TEXT NOT NULL,
    "what" TEXT NOT NULL,
    "first_seen_at" TIMESTAMPTZ(3) NOT NULL,
    "last_seen_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "audit_findings_pkey" PRIMARY KEY ("source","subject","invariant","what")
);
