ALTER TABLE "events" ADD COLUMN "enc" json;--> statement-breakpoint
ALTER TABLE "streams" ADD COLUMN "key_generation" integer DEFAULT 0 NOT NULL;