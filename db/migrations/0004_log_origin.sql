CREATE TABLE "log_origin" (
	"id" integer PRIMARY KEY NOT NULL,
	"origin" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "log_origin_is_one_row" CHECK ("log_origin"."id" = 1)
);
