-- CreateEnum
CREATE TYPE "saga_state" AS ENUM ('started', 'reserved', 'compensating', 'completed', 'failed');

-- CreateEnum
CREATE TYPE "reservation_state" AS ENUM ('open', 'shipped', 'released');

-- CreateTable
CREATE TABLE "stock" (
    "sku" TEXT NOT NULL,
    "on_hand" INTEGER NOT NULL,
    "reserved" INTEGER NOT NULL DEFAULT 0,
    "shipped" INTEGER NOT NULL DEFAULT 0,
    "received" INTEGER NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "stock_pkey" PRIMARY KEY ("sku")
);

-- CreateTable
CREATE TABLE "sagas" (
    "order_id" UUID NOT NULL,
    "state" "saga_state" NOT NULL,
    "run" INTEGER NOT NULL DEFAULT 0,
    "order" JSONB NOT NULL,
    "message_id" UUID NOT NULL,
    "correlation_id" TEXT NOT NULL,
    "traceparent" TEXT NOT NULL,
    "payment_id" TEXT,
    "failure" JSONB,
    "event_sequence" INTEGER NOT NULL DEFAULT 0,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "deadline_at" TIMESTAMPTZ(3),

    CONSTRAINT "sagas_pkey" PRIMARY KEY ("order_id")
);

-- CreateTable
CREATE TABLE "reservations" (
    "order_id" UUID NOT NULL,
    "sku" TEXT NOT NULL,
    "quantity" INTEGER NOT NULL,
    "state" "reservation_state" NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "reservations_pkey" PRIMARY KEY ("order_id","sku")
);

-- CreateTable
CREATE TABLE "outbox" (
    "id" BIGSERIAL NOT NULL,
    "message_id" UUID NOT NULL,
    "order_id" UUID NOT NULL,
    "shard" SMALLINT NOT NULL,
    "type" TEXT NOT NULL,
    "sequence" INTEGER NOT NULL,
    "correlation_id" TEXT NOT NULL,
    "payload" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "published_at" TIMESTAMPTZ(3),
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "next_attempt_at" TIMESTAMPTZ(3),
    "last_error" TEXT,

    CONSTRAINT "outbox_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "outbox_order_id_idx" ON "outbox"("order_id");

-- AddForeignKey
ALTER TABLE "reservations" ADD CONSTRAINT "reservations_order_id_fkey" FOREIGN KEY ("order_id") REFERENCES "sagas"("order_id") ON DELETE RESTRICT ON UPDATE CASCADE;
