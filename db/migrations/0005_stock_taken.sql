ALTER TABLE "orders" ADD COLUMN "stock_taken" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
UPDATE "orders" SET "stock_taken" = (
	SELECT coalesce(jsonb_object_agg("product_id", "pieces"), '{}'::jsonb) FROM (
		SELECT item->>'productId' AS "product_id", sum((item->>'quantity')::int) AS "pieces" FROM jsonb_array_elements("items") AS item GROUP BY 1
	) AS held
) WHERE "status" NOT IN ('rejected', 'cancelled');
