stage in a DuckDB file of the project, where the audit judges;

CREATE TABLE "SHOP"."_datasync_stg_82f3e9c695dc6b8d1b11818d" ("ID" NUMBER(19), "region" VARCHAR2(4000 BYTE), "doc" CLOB, "AT" TIMESTAMP(6) WITH TIME ZONE, "dead" NUMBER(1), "price" NUMBER(38,2));

-- when absent: CREATE TABLE "SHOP"."ORDERS" ("ID" NUMBER(19) NOT NULL, "region" VARCHAR2(4000 BYTE), "doc" CLOB, "AT" TIMESTAMP(6) WITH TIME ZONE, "dead" NUMBER(1), "price" NUMBER(38,2), PRIMARY KEY ("ID"));

DELETE FROM "SHOP"."ORDERS" WHERE "AT" >= TIMESTAMP '2026-01-01 00:00:00.000000+00:00' AND "AT" < TIMESTAMP '2026-01-02 00:00:00.000000+00:00';

INSERT INTO "SHOP"."ORDERS" ("ID", "region", "doc", "AT", "dead", "price") SELECT "ID", "region", "doc", "AT", "dead", "price" FROM "SHOP"."_datasync_stg_82f3e9c695dc6b8d1b11818d";
