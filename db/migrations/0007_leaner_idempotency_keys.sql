DROP INDEX "idempotency_keys_subject";--> statement-breakpoint
ALTER TABLE "idempotency_keys" DROP COLUMN "subject_id";