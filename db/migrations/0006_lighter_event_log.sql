DROP INDEX "events_subject";--> statement-breakpoint
-- Events up to a page stay where they are, as they are: compressing an order costs more than writing it.
ALTER TABLE "events" SET (toast_tuple_target = 8160);
