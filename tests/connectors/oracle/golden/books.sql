CREATE TABLE "SHOP"."_datasync_locks" ("name" VARCHAR2(250 CHAR), PRIMARY KEY ("name"));

CREATE TABLE "SHOP"."_datasync_fence" ("sync" VARCHAR2(250 CHAR), "token" NUMBER(19) NOT NULL, PRIMARY KEY ("sync"));

CREATE TABLE "SHOP"."_datasync_commits" ("run_id" VARCHAR2(250 CHAR), "sync" VARCHAR2(250 CHAR) NOT NULL, "target" VARCHAR2(600 CHAR) NOT NULL, "token" NUMBER(19) NOT NULL, "window_start" VARCHAR2(250 CHAR), "window_end" VARCHAR2(250 CHAR), "watermark" VARCHAR2(250 CHAR), "mode" VARCHAR2(250 CHAR) NOT NULL, "published_rows" NUMBER(19) NOT NULL, "explicit" NUMBER(1) NOT NULL, "sequence" NUMBER(19) NOT NULL, "committed_at" VARCHAR2(250 CHAR) NOT NULL, PRIMARY KEY ("run_id"), UNIQUE ("sync", "token"));

CREATE TABLE "SHOP"."_datasync_files" ("run_id" VARCHAR2(250 CHAR), "path" VARCHAR2(1000 CHAR), "size" NUMBER(19) NOT NULL, "modified" NUMBER(19) NOT NULL, "fingerprint" VARCHAR2(250 CHAR) NOT NULL, PRIMARY KEY ("run_id", "path"));
