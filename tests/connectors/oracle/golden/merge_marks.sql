stage in a DuckDB file of the project, where the audit judges;

CREATE TABLE "SHOP"."_datasync_stg_82f3e9c695dc6b8d1b11818d" ("ID" NUMBER(19), "region" VARCHAR2(4000 BYTE), "doc" CLOB, "AT" TIMESTAMP(6) WITH TIME ZONE, "dead" NUMBER(1), "price" NUMBER(38,2));

-- when absent: CREATE TABLE "SHOP"."ORDERS" ("ID" NUMBER(19) NOT NULL, "region" VARCHAR2(4000 BYTE), "doc" CLOB, "AT" TIMESTAMP(6) WITH TIME ZONE, "dead" NUMBER(1), "price" NUMBER(38,2), "gone" NUMBER(1), PRIMARY KEY ("ID"));

MERGE INTO "SHOP"."ORDERS" "t" USING (SELECT "ID", "region", "doc", "AT", "dead", "price", 0 AS "gone" FROM "SHOP"."_datasync_stg_82f3e9c695dc6b8d1b11818d" "a") "s" ON ("t"."ID" = "s"."ID") WHEN MATCHED THEN UPDATE SET "region" = "s"."region", "doc" = "s"."doc", "AT" = "s"."AT", "dead" = "s"."dead", "price" = "s"."price", "gone" = "s"."gone" WHERE (DECODE("t"."region", "s"."region", 0, 1) = 1 OR CASE WHEN "t"."doc" IS NULL AND "s"."doc" IS NULL THEN 0 WHEN "t"."doc" IS NULL OR "s"."doc" IS NULL THEN 1 WHEN "DBMS_LOB".COMPARE("t"."doc", "s"."doc") = 0 THEN 0 ELSE 1 END = 1 OR DECODE("t"."AT", "s"."AT", 0, 1) = 1 OR DECODE("t"."dead", "s"."dead", 0, 1) = 1 OR DECODE("t"."price", "s"."price", 0, 1) = 1 OR DECODE("t"."gone", "s"."gone", 0, 1) = 1) AND NOT (NOT "t"."AT" IS NULL AND ("s"."AT" IS NULL OR "t"."AT" > "s"."AT")) WHEN NOT MATCHED THEN INSERT ("ID", "region", "doc", "AT", "dead", "price", "gone") VALUES ("s"."ID", "s"."region", "s"."doc", "s"."AT", "s"."dead", "s"."price", "s"."gone");

UPDATE "SHOP"."ORDERS" "t" SET "gone" = 1 WHERE NOT EXISTS(SELECT 1 FROM "SHOP"."_datasync_stg_82f3e9c695dc6b8d1b11818d" "s" WHERE "t"."ID" = "s"."ID") AND "t"."AT" >= TIMESTAMP '2026-01-01 00:00:00.000000+00:00' AND NOT (NVL("t"."gone", 0) = 1);
