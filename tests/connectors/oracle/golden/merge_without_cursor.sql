stage in a DuckDB file of the project, where the audit judges;

CREATE TABLE "SHOP"."_datasync_stg_82f3e9c695dc6b8d1b11818d" ("ID" NUMBER(19), "region" VARCHAR2(3000 BYTE), "doc" CLOB, "AT" TIMESTAMP(6) WITH TIME ZONE, "dead" NUMBER(1), "price" NUMBER(38,2));

-- when absent: CREATE TABLE "SHOP"."ORDERS" ("ID" NUMBER(19) NOT NULL, "region" VARCHAR2(3000 BYTE) NOT NULL, "doc" CLOB, "AT" TIMESTAMP(6) WITH TIME ZONE, "dead" NUMBER(1), "price" NUMBER(38,2), PRIMARY KEY ("ID", "region"));

MERGE INTO "SHOP"."ORDERS" "t" USING "SHOP"."_datasync_stg_82f3e9c695dc6b8d1b11818d" "s" ON ("t"."ID" = "s"."ID" AND "t"."region" = "s"."region") WHEN MATCHED THEN UPDATE SET "doc" = "s"."doc", "AT" = "s"."AT", "dead" = "s"."dead", "price" = "s"."price" WHERE (CASE WHEN "t"."doc" IS NULL AND "s"."doc" IS NULL THEN 0 WHEN "t"."doc" IS NULL OR "s"."doc" IS NULL THEN 1 WHEN "DBMS_LOB".COMPARE("t"."doc", "s"."doc") = 0 THEN 0 ELSE 1 END = 1 OR DECODE("t"."AT", "s"."AT", 0, 1) = 1 OR DECODE("t"."dead", "s"."dead", 0, 1) = 1 OR DECODE("t"."price", "s"."price", 0, 1) = 1) AND NOT (1 = 0) WHEN NOT MATCHED THEN INSERT ("ID", "region", "doc", "AT", "dead", "price") VALUES ("s"."ID", "s"."region", "s"."doc", "s"."AT", "s"."dead", "s"."price");
