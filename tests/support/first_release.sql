-- A database as the first release (migration 0001) left it; its secrets are sealed with the tests' key.
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE deliveries (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	stack_id INTEGER NOT NULL, 
	forge VARCHAR NOT NULL, 
	event VARCHAR NOT NULL, 
	result VARCHAR(16) NOT NULL, 
	reason VARCHAR, 
	"references" VARCHAR, 
	delivery_id VARCHAR, 
	who VARCHAR, 
	run_uuid VARCHAR, 
	count INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	FOREIGN KEY(stack_id) REFERENCES stacks (id) ON DELETE CASCADE
);
INSERT INTO "deliveries" VALUES(1,1,'github','push','accepted',NULL,'refs/heads/main','d-1','ada','33333333-3333-4333-8333-333333333332',1,'2026-01-31 12:00:00.000000');
CREATE TABLE log_lines (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	stack_id INTEGER NOT NULL, 
	run_id INTEGER NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	text VARCHAR NOT NULL, 
	at DATETIME NOT NULL, 
	FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE, 
	FOREIGN KEY(stack_id) REFERENCES stacks (id) ON DELETE CASCADE
);
INSERT INTO "log_lines" VALUES(1,1,1,'output','==> fetch: git fetch','2026-01-31 12:00:00.000000');
INSERT INTO "log_lines" VALUES(2,1,1,'entry','{"run_at": "2026-01-31T12:00:00+00:00", "action": "deploy", "status": "succeeded", "message": "Deployed refs/heads/main at 1234567", "run": "33333333-3333-4333-8333-333333333331"}','2026-01-31 12:00:00.000000');
INSERT INTO "log_lines" VALUES(3,1,2,'entry','{"run_at": "2026-01-31T12:00:00+00:00", "action": "webhook", "status": "failed", "message": "fetch: refused", "run": "33333333-3333-4333-8333-333333333332"}','2026-01-31 12:00:00.000000');
CREATE TABLE runs (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	stack_id INTEGER NOT NULL, 
	action VARCHAR(16) NOT NULL, 
	"trigger" VARCHAR(16) NOT NULL, 
	position INTEGER NOT NULL, 
	uuid VARCHAR NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	requests INTEGER NOT NULL, 
	attempts INTEGER NOT NULL, 
	step VARCHAR, 
	message VARCHAR, 
	outcome VARCHAR, 
	reasons JSON NOT NULL, 
	commit_before VARCHAR, 
	commit_after VARCHAR, 
	created_at DATETIME NOT NULL, 
	started_at DATETIME, 
	finished_at DATETIME, 
	FOREIGN KEY(stack_id) REFERENCES stacks (id) ON DELETE CASCADE, 
	UNIQUE (uuid)
);
INSERT INTO "runs" VALUES(1,1,'deploy','api',1,'33333333-3333-4333-8333-333333333331','succeeded',1,1,NULL,'Deployed refs/heads/main at 1234567','succeeded','{}',NULL,'1111111111111111111111111111111111111111','2026-01-31 12:00:00.000000','2026-01-31 12:00:00.000000','2026-01-31 12:00:00.000000');
INSERT INTO "runs" VALUES(2,1,'deploy','webhook',2,'33333333-3333-4333-8333-333333333332','failed',1,1,NULL,'fetch: refused',NULL,'{"web": "its image changed"}',NULL,NULL,'2026-01-31 12:00:00.000000','2026-01-31 12:00:00.000000','2026-01-31 12:00:00.000000');
INSERT INTO "runs" VALUES(3,1,'redeploy','api',3,'33333333-3333-4333-8333-333333333333','pending',2,0,NULL,NULL,NULL,'{}',NULL,NULL,'2026-01-31 12:00:00.000000',NULL,NULL);
CREATE TABLE seal (
	canary BLOB NOT NULL, 
	id INTEGER NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "seal" VALUES(X'A14D5363B282AD7C255A4BB0A7BB1A48022C160D8FBE6FD3B47B7BAAAC547B9F7BF7A31E93C5',1);
CREATE TABLE stacks (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	name VARCHAR(255) NOT NULL, 
	name_key VARCHAR NOT NULL, 
	project VARCHAR NOT NULL, 
	git_repository VARCHAR NOT NULL, 
	git_reference VARCHAR NOT NULL, 
	compose_file VARCHAR NOT NULL, 
	strategy VARCHAR(16) NOT NULL, 
	sealed BLOB NOT NULL, 
	uuid VARCHAR NOT NULL, 
	git_username VARCHAR, 
	compose_includes JSON NOT NULL, 
	polling_interval INTEGER, 
	signature_header VARCHAR, 
	former_secret_until DATETIME, 
	repository_key VARCHAR NOT NULL, 
	health_timeout INTEGER NOT NULL, 
	"rollback" BOOLEAN NOT NULL, 
	self_heal BOOLEAN NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	held VARCHAR(16), 
	deleting BOOLEAN NOT NULL, 
	delete_volumes BOOLEAN NOT NULL, 
	catch_up BOOLEAN NOT NULL, 
	suspended BOOLEAN NOT NULL, 
	suspended_reason VARCHAR, 
	suspended_until DATETIME, 
	healthy BOOLEAN, 
	drift JSON NOT NULL, 
	heals INTEGER NOT NULL, 
	healed_at DATETIME, 
	seen_commit VARCHAR, 
	hold_commit VARCHAR, 
	left_failed BOOLEAN NOT NULL, 
	applied_commit VARCHAR, 
	applied BLOB, 
	previous BLOB, 
	processed INTEGER NOT NULL, 
	failed INTEGER NOT NULL, 
	last_run_at DATETIME, 
	last_action VARCHAR, 
	last_status VARCHAR, 
	checked_at DATETIME, 
	check_at DATETIME, 
	check_failures INTEGER NOT NULL, 
	check_error VARCHAR, 
	retry_at DATETIME, 
	retries INTEGER NOT NULL, 
	UNIQUE (name_key), 
	UNIQUE (project), 
	UNIQUE (uuid)
);
INSERT INTO "stacks" VALUES(1,'Website','website','website-11111111','file:///nowhere.git','refs/heads/main','compose.yml','webhook',X'38A4BC69ACB3B408F18514581D29F190DE2A5408CAA345EA8F22362D24D991A2A77B5171A2FFE4E0B85D7820EAC93717FF37CCC44AA46BD99D430D2149AB116998FD3F4B82B599CC8B77E61ABCAE3C92410C8A2587B381754A073B6EB73CEAC7A8DD4842CAF1063AD23947E0DBDAE06AA467CDB3CE6A353410B25266E1633BDB037B500C3524E88CA507C59BD29EC595DCA5A3516CE23D870CE5C2D13F22F9940E2C68EAE4','11111111-1111-4111-8111-111111111111','ada','[]',NULL,'X-Hub-Signature-256',NULL,'',0,1,1,'2026-01-31 12:00:00.000000','2026-01-31 12:00:00.000000',NULL,0,0,0,0,NULL,NULL,NULL,'{}',0,NULL,NULL,NULL,0,NULL,NULL,NULL,2,1,'2026-01-31 12:00:00.000000','webhook','failed',NULL,NULL,0,NULL,NULL,0);
INSERT INTO "stacks" VALUES(2,'Ledger','ledger','ledger-22222222','file:///nowhere.git','refs/heads/main','compose.yml','polling',X'A682373F17EA0D96A156AD2AABD86438C372CB170ABAF8A20C7430FE0817C2482E91D3D79CAE6C2CFD7AC3E5A8BB8AEC8A254A211D','22222222-2222-4222-8222-222222222222',NULL,'["more.yml"]',3600,NULL,NULL,'',0,1,1,'2026-01-31 12:00:00.000000','2026-01-31 12:00:00.000000','stopped',0,0,0,1,'moving house',NULL,NULL,'{}',0,NULL,NULL,NULL,0,NULL,NULL,NULL,0,0,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,0);
CREATE INDEX ix_stacks_check_at ON stacks (check_at);
CREATE INDEX ix_stacks_repository_key ON stacks (repository_key);
CREATE INDEX ix_stacks_retry_at ON stacks (retry_at);
CREATE INDEX deliveries_by_delivery_id ON deliveries (stack_id, delivery_id);
CREATE INDEX deliveries_by_stack ON deliveries (stack_id, id);
CREATE UNIQUE INDEX one_running ON runs (stack_id) WHERE status = 'running';
CREATE INDEX runs_by_stack ON runs (stack_id, id);
CREATE INDEX runs_by_status ON runs (status, position);
CREATE INDEX lines_by_run ON log_lines (run_id, id);
CREATE INDEX lines_by_stack ON log_lines (stack_id, id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('stacks',2);
INSERT INTO "sqlite_sequence" VALUES('runs',3);
INSERT INTO "sqlite_sequence" VALUES('log_lines',3);
INSERT INTO "sqlite_sequence" VALUES('deliveries',1);
COMMIT;
