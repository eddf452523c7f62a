PRAGMA user_version = 2;
CREATE TABLE instances (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    status INTEGER NOT NULL,
    version INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    next_seq INTEGER NOT NULL,
    inbox_next INTEGER NOT NULL,
    inbox_done INTEGER NOT NULL,
    open_activities INTEGER NOT NULL,
    has_work INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    wake_at_ms INTEGER,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    custom_status TEXT,
    output TEXT
, parent INTEGER, parent_generation INTEGER, parent_task INTEGER, parent_waits INTEGER, parent_id TEXT) STRICT;
CREATE UNIQUE INDEX instances_by_id ON instances (id);
CREATE INDEX instances_by_status ON instances (status, key, version);
CREATE INDEX instances_with_work ON instances (key) WHERE has_work = 1;
CREATE INDEX instances_by_timer ON instances (wake_at_ms) WHERE wake_at_ms IS NOT NULL;
CREATE TABLE creation (lag_ms INTEGER NOT NULL) STRICT;
CREATE TABLE history (
    instance INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    record BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX history_by_instance ON history (instance, generation, seq);
CREATE TABLE inbox (
    instance INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    event BLOB NOT NULL,
    PRIMARY KEY (instance, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE modules (
    name TEXT PRIMARY KEY NOT NULL,
    last_version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    module TEXT NOT NULL,
    version INTEGER NOT NULL,
    active INTEGER NOT NULL,
    digest TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    orchestrators TEXT NOT NULL,
    activities TEXT NOT NULL,
    imports TEXT NOT NULL,
    UNIQUE (module, version)
) STRICT;
CREATE INDEX versions_by_digest ON versions (digest);
CREATE TABLE components (
    digest TEXT PRIMARY KEY NOT NULL,
    bytes BLOB NOT NULL
) STRICT;
CREATE INDEX instances_by_parent ON instances (parent) WHERE parent IS NOT NULL AND parent_waits = 1 AND status <= 3;
INSERT INTO instances VALUES (1, 4, 2, 0, 0, 5, 0, 0, 0, 0, 1700000000000, 1700000000000, NULL, 'cities-completed', 'HelloCities', '"London"', '["Hello Tokyo!","Hello Seattle!","Hello London!"]', NULL, NULL, NULL, NULL, NULL);
INSERT INTO instances VALUES (2, 5, 2, 0, 0, 2, 0, 0, 0, 0, 1700000000000, 1700000000000, NULL, 'cities-failed', 'CityRecommender', NULL, '"Orchestrator function ''CityRecommender'' failed: There is nothing to recommend for 4; try 1, 2 or 3."', NULL, NULL, NULL, NULL, NULL);
INSERT INTO instances VALUES (3, 1, 2, 0, 0, 2, 0, 0, 0, 0, 1700000000000, 1700000000000, NULL, 'cities-waiting', 'CityRecommender', '{"recommendedCities":["Seattle","London"],"recommendedSeasons":["Summer"]}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO instances VALUES (4, 2, 2, 0, 0, 4, 2, 2, 0, 0, 1700000000000, 1700000000000, NULL, 'cities-suspended', 'CityRecommender', '{"recommendedCities":["Seattle","London"],"recommendedSeasons":["Summer"]}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO instances VALUES (5, 6, 2, 0, 0, 3, 1, 1, 0, 0, 1700000000000, 1700000000000, NULL, 'cities-terminated', 'CityRecommender', '{"recommendedCities":["Seattle","London"],"recommendedSeasons":["Summer"]}', '"enough"', NULL, NULL, NULL, NULL, NULL);
INSERT INTO instances VALUES (6, 1, 2, 0, 0, 2, 1, 0, 0, 1, 1700000000000, 1700000000000, NULL, 'cities-event', 'CityRecommender', '{"recommendedCities":["Seattle","London"],"recommendedSeasons":["Summer"]}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO instances VALUES (7, 1, 6, 0, 0, 3, 0, 0, 0, 0, 1700000000000, 1700000000000, 1700000060000, 'ticket-waiting', 'ReserveTicket', '{"discount":5,"discountTimeout":60,"bookingUrl":"https://www.myawesomebookingweb.com"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO instances VALUES (8, 1, 6, 0, 0, 3, 0, 0, 0, 0, 1700000000000, 1700000000000, 1700000060000, 'ticket-late', 'ReserveTicket', '{"discount":18,"discountTimeout":60,"bookingUrl":"https://www.myawesomebookingweb.com"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO instances VALUES (9, 5, 3, 0, 0, 3, 0, 0, 0, 0, 1700000000000, 1700000000000, NULL, 'shop-closed', 'FailOnce', NULL, '"Orchestrator function ''FailOnce'' failed: The shop opens in 1000 ms. Rewind the instance then."', NULL, NULL, NULL, NULL, NULL);
INSERT INTO instances VALUES (10, 1, 5, 0, 0, 6, 0, 0, 0, 0, 1700000000000, 1700000001000, 1700000001200, 'order-retrying', 'OrderFulfilment', '{"done":1,"total":2,"stage":"reserving"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO instances VALUES (11, 1, 1, 0, 0, 2, 0, 0, 0, 0, 1700000000000, 1700000000000, 1700003600000, 'approval', 'Approval', '{"waitingFor":["ada","bob"],"escalated":false}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO instances VALUES (12, 1, 1, 0, 0, 2, 0, 0, 0, 0, 1700000000000, 1700000000000, NULL, 'approval-ada', 'AskApprover', '{"approver":"ada","request":"a day off","choices":["approve","reject"]}', NULL, 11, 0, 0, 1, 'approval');
INSERT INTO instances VALUES (13, 1, 1, 0, 0, 2, 0, 0, 0, 0, 1700000000000, 1700000000000, NULL, 'approval-bob', 'AskApprover', '{"approver":"bob","request":"a day off","choices":["approve","reject"]}', NULL, 11, 0, 1, 1, 'approval');
INSERT INTO instances VALUES (14, 1, 4, 1, 0, 3, 0, 0, 0, 0, 1700000000000, 1700000001000, 1700000002000, 'monitor', 'MonitorJob', '{"job":"press","generation":1,"reading":12}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO instances VALUES (15, 4, 7, 0, 0, 7, 0, 0, 0, 0, 1700000001000, 1700000001000, NULL, 'fan-out', 'FanOut', NULL, '5', NULL, NULL, NULL, NULL, NULL);
INSERT INTO instances VALUES (16, 0, 2, 0, 0, 1, 0, 0, 0, 1, 1700000001000, 1700000001000, NULL, 'cities-pending', 'HelloCities', NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO creation VALUES (0);
INSERT INTO history VALUES (1, 0, 0, CAST('{"v":1,"at":1700000000000,"events":[{"ExecutionStarted":{"name":"HelloCities","input":null}}]}' AS BLOB));
INSERT INTO history VALUES (1, 0, 1, CAST('{"v":1,"at":1700000000000,"events":[{"TaskScheduled":{"name":"SayHello","input":"Tokyo"}}]}' AS BLOB));
INSERT INTO history VALUES (1, 0, 2, CAST('{"v":1,"at":1700000000000,"events":[{"TaskCompleted":{"task":0,"result":"Hello Tokyo!"}},{"TaskScheduled":{"name":"SayHello","input":"Seattle"}}],"status":"Tokyo"}' AS BLOB));
INSERT INTO history VALUES (1, 0, 3, CAST('{"v":1,"at":1700000000000,"events":[{"TaskCompleted":{"task":1,"result":"Hello Seattle!"}},{"TaskScheduled":{"name":"SayHello","input":"London"}}],"status":"Seattle"}' AS BLOB));
INSERT INTO history VALUES (1, 0, 4, CAST('{"v":1,"at":1700000000000,"events":[{"TaskCompleted":{"task":2,"result":"Hello London!"}},{"ExecutionCompleted":{"output":["Hello Tokyo!","Hello Seattle!","Hello London!"]}}],"status":"London"}' AS BLOB));
INSERT INTO history VALUES (2, 0, 0, CAST('{"v":1,"at":1700000000000,"events":[{"ExecutionStarted":{"name":"CityRecommender","input":4}}]}' AS BLOB));
INSERT INTO history VALUES (2, 0, 1, CAST('{"v":1,"at":1700000000000,"events":[{"ExecutionFailed":{"failure":{"kind":"unknown-taste","message":"There is nothing to recommend for 4; try 1, 2 or 3."}}}]}' AS BLOB));
INSERT INTO history VALUES (3, 0, 0, CAST('{"v":1,"at":1700000000000,"events":[{"ExecutionStarted":{"name":"CityRecommender","input":2}}]}' AS BLOB));
INSERT INTO history VALUES (3, 0, 1, CAST('{"v":1,"at":1700000000000,"events":[{"EventAwaited":{"name":"UserChoice"}},{"EventAwaited":{"name":"Choice"}}],"status":{"recommendedCities":["Seattle","London"],"recommendedSeasons":["Summer"]}}' AS BLOB));
INSERT INTO history VALUES (4, 0, 0, CAST('{"v":1,"at":1700000000000,"events":[{"ExecutionStarted":{"name":"CityRecommender","input":2}}]}' AS BLOB));
INSERT INTO history VALUES (4, 0, 1, CAST('{"v":1,"at":1700000000000,"events":[{"EventAwaited":{"name":"UserChoice"}},{"EventAwaited":{"name":"Choice"}}],"status":{"recommendedCities":["Seattle","London"],"recommendedSeasons":["Summer"]}}' AS BLOB));
INSERT INTO history VALUES (5, 0, 0, CAST('{"v":1,"at":1700000000000,"events":[{"ExecutionStarted":{"name":"CityRecommender","input":2}}]}' AS BLOB));
INSERT INTO history VALUES (5, 0, 1, CAST('{"v":1,"at":1700000000000,"events":[{"EventAwaited":{"name":"UserChoice"}},{"EventAwaited":{"name":"Choice"}}],"status":{"recommendedCities":["Seattle","London"],"recommendedSeasons":["Summer"]}}' AS BLOB));
INSERT INTO history VALUES (6, 0, 0, CAST('{"v":1,"at":1700000000000,"events":[{"ExecutionStarted":{"name":"CityRecommender","input":2}}]}' AS BLOB));
INSERT INTO history VALUES (6, 0, 1, CAST('{"v":1,"at":1700000000000,"events":[{"EventAwaited":{"name":"UserChoice"}},{"EventAwaited":{"name":"Choice"}}],"status":{"recommendedCities":["Seattle","London"],"recommendedSeasons":["Summer"]}}' AS BLOB));
INSERT INTO history VALUES (4, 0, 2, CAST('{"v":1,"at":1700000000000,"events":[{"ExecutionSuspended":{"reason":"later"}}]}' AS BLOB));
INSERT INTO history VALUES (4, 0, 3, CAST('{"v":1,"at":1700000000000,"events":[{"EventRaised":{"name":"UserChoice","data":"London"}}]}' AS BLOB));
INSERT INTO history VALUES (5, 0, 2, CAST('{"v":1,"at":1700000000000,"events":[{"ExecutionTerminated":{"reason":"enough","recursive":true}}]}' AS BLOB));
INSERT INTO history VALUES (7, 0, 0, CAST('{"v":1,"at":1700000000000,"events":[{"ExecutionStarted":{"name":"ReserveTicket","input":"ada"}}]}' AS BLOB));
INSERT INTO history VALUES (7, 0, 1, CAST('{"v":1,"at":1700000000000,"events":[{"TaskScheduled":{"name":"CalculateDiscount","input":"ada"}}]}' AS BLOB));
INSERT INTO history VALUES (7, 0, 2, CAST('{"v":1,"at":1700000000000,"events":[{"TaskCompleted":{"task":0,"result":5}},{"EventAwaited":{"name":"BookingConfirmed"}},{"TimerCreated":{"fire_at_ms":1700000060000}}],"status":{"discount":5,"discountTimeout":60,"bookingUrl":"https://www.myawesomebookingweb.com"}}' AS BLOB));
INSERT INTO history VALUES (8, 0, 0, CAST('{"v":1,"at":1700000000000,"events":[{"ExecutionStarted":{"name":"ReserveTicket","input":"bob"}}]}' AS BLOB));
INSERT INTO history VALUES (8, 0, 1, CAST('{"v":1,"at":1700000000000,"events":[{"TaskScheduled":{"name":"CalculateDiscount","input":"bob"}}]}' AS BLOB));
INSERT INTO history VALUES (8, 0, 2, CAST('{"v":1,"at":1700000000000,"events":[{"TaskCompleted":{"task":0,"result":18}},{"EventAwaited":{"name":"BookingConfirmed"}},{"TimerCreated":{"fire_at_ms":1700000060000}}],"status":{"discount":18,"discountTimeout":60,"bookingUrl":"https://www.myawesomebookingweb.com"}}' AS BLOB));
INSERT INTO history VALUES (9, 0, 0, CAST('{"v":1,"at":1700000000000,"events":[{"ExecutionStarted":{"name":"FailOnce","input":1000}}]}' AS BLOB));
INSERT INTO history VALUES (9, 0, 1, CAST('{"v":1,"at":1700000000000,"events":[{"TaskScheduled":{"name":"BuyAtShop","input":1700000001000}}]}' AS BLOB));
INSERT INTO history VALUES (9, 0, 2, CAST('{"v":1,"at":1700000000000,"events":[{"TaskFailed":{"task":0,"failure":{"kind":"shop-closed","message":"The shop opens in 1000 ms. Rewind the instance then."}}},{"ExecutionFailed":{"failure":{"kind":"shop-closed","message":"The shop opens in 1000 ms. Rewind the instance then."}}}]}' AS BLOB));
INSERT INTO history VALUES (10, 0, 0, CAST('{"v":1,"at":1700000000000,"events":[{"ExecutionStarted":{"name":"OrderFulfilment","input":{"order":"o-1","lines":[{"sku":"pen","quantity":1},{"sku":"flaky-ink","quantity":1}]}}}]}' AS BLOB));
INSERT INTO history VALUES (10, 0, 1, CAST('{"v":1,"at":1700000000000,"events":[{"TaskScheduled":{"name":"ReserveStock","input":{"order":"o-1","line":{"sku":"pen","quantity":1},"out_of_stock":false},"options":{"retry":{"max_attempts":3,"first_delay_ms":100,"backoff_permille":2000,"unless_kinds":["out-of-stock","no-courier"]}}}},{"TaskScheduled":{"name":"ReserveStock","input":{"order":"o-1","line":{"sku":"flaky-ink","quantity":1},"out_of_stock":false},"options":{"retry":{"max_attempts":3,"first_delay_ms":100,"backoff_permille":2000,"unless_kinds":["out-of-stock","no-courier"]}}}}],"status":{"done":0,"total":2,"stage":"reserving"}}' AS BLOB));
INSERT INTO history VALUES (10, 0, 2, CAST('{"v":1,"at":1700000000000,"events":[{"TaskFailed":{"task":1,"failure":{"kind":"warehouse-busy","message":"the warehouse is busy"}}},{"RetryScheduled":{"task":1,"attempt":2,"fire_at_ms":1700000000100}}]}' AS BLOB));
INSERT INTO history VALUES (10, 0, 3, CAST('{"v":1,"at":1700000000000,"events":[{"TaskCompleted":{"task":0,"result":"929ca358-db14-8c2c-a954-6b9fc8a8e65e"}}],"status":{"done":1,"total":2,"stage":"reserving"}}' AS BLOB));
INSERT INTO history VALUES (11, 0, 0, CAST('{"v":1,"at":1700000000000,"events":[{"ExecutionStarted":{"name":"Approval","input":{"request":"a day off","approvers":["ada","bob"],"escalateTo":"eve","escalateAfterMs":3600000}}}]}' AS BLOB));
INSERT INTO history VALUES (11, 0, 1, CAST('{"v":1,"at":1700000000000,"events":[{"ChildScheduled":{"name":"AskApprover","input":{"request":"a day off","approver":"ada"},"instance_id":"approval-ada"}},{"ChildScheduled":{"name":"AskApprover","input":{"request":"a day off","approver":"bob"},"instance_id":"approval-bob"}},{"TimerCreated":{"fire_at_ms":1700003600000}}],"status":{"waitingFor":["ada","bob"],"escalated":false}}' AS BLOB));
INSERT INTO history VALUES (12, 0, 0, CAST('{"v":1,"at":1700000000000,"events":[{"ExecutionStarted":{"name":"AskApprover","input":{"request":"a day off","approver":"ada"}}}]}' AS BLOB));
INSERT INTO history VALUES (13, 0, 0, CAST('{"v":1,"at":1700000000000,"events":[{"ExecutionStarted":{"name":"AskApprover","input":{"request":"a day off","approver":"bob"}}}]}' AS BLOB));
INSERT INTO history VALUES (13, 0, 1, CAST('{"v":1,"at":1700000000000,"events":[{"EventAwaited":{"name":"Decision"}},{"EventAwaited":{"name":"Withdrawn"}}],"status":{"approver":"bob","request":"a day off","choices":["approve","reject"]}}' AS BLOB));
INSERT INTO history VALUES (12, 0, 1, CAST('{"v":1,"at":1700000000000,"events":[{"EventAwaited":{"name":"Decision"}},{"EventAwaited":{"name":"Withdrawn"}}],"status":{"approver":"ada","request":"a day off","choices":["approve","reject"]}}' AS BLOB));
INSERT INTO history VALUES (14, 1, 0, CAST('{"v":1,"at":1700000001000,"events":[{"ExecutionStarted":{"name":"MonitorJob","input":{"job":"press","intervalMs":1000,"until":null,"reading":5,"generation":1}}}],"status":{"job":"press","generation":0,"reading":5}}' AS BLOB));
INSERT INTO history VALUES (14, 1, 1, CAST('{"v":1,"at":1700000001000,"events":[{"TaskScheduled":{"name":"ReadSensor","input":["press",1]}}]}' AS BLOB));
INSERT INTO history VALUES (14, 1, 2, CAST('{"v":1,"at":1700000001000,"events":[{"TaskCompleted":{"task":0,"result":12}},{"EventAwaited":{"name":"Stop"}},{"TimerCreated":{"fire_at_ms":1700000002000}}],"status":{"job":"press","generation":1,"reading":12}}' AS BLOB));
INSERT INTO history VALUES (10, 0, 4, CAST('{"v":1,"at":1700000001000,"events":[{"TimerFired":{"task":1}}]}' AS BLOB));
INSERT INTO history VALUES (10, 0, 5, CAST('{"v":1,"at":1700000001000,"events":[{"TaskFailed":{"task":1,"failure":{"kind":"warehouse-busy","message":"the warehouse is busy"}}},{"RetryScheduled":{"task":1,"attempt":3,"fire_at_ms":1700000001200}}]}' AS BLOB));
INSERT INTO history VALUES (15, 0, 0, CAST('{"v":1,"at":1700000001000,"events":[{"ExecutionStarted":{"name":"FanOut","input":5}}]}' AS BLOB));
INSERT INTO history VALUES (15, 0, 1, CAST('{"v":1,"at":1700000001000,"events":[{"TaskScheduled":{"name":"Noop","input":0}},{"TaskScheduled":{"name":"Noop","input":1}},{"TaskScheduled":{"name":"Noop","input":2}},{"TaskScheduled":{"name":"Noop","input":3}},{"TaskScheduled":{"name":"Noop","input":4}}]}' AS BLOB));
INSERT INTO history VALUES (15, 0, 2, CAST('{"v":1,"at":1700000001000,"events":[{"TaskCompleted":{"task":4,"result":4}}]}' AS BLOB));
INSERT INTO history VALUES (15, 0, 3, CAST('{"v":1,"at":1700000001000,"events":[{"TaskCompleted":{"task":0,"result":0}}]}' AS BLOB));
INSERT INTO history VALUES (15, 0, 4, CAST('{"v":1,"at":1700000001000,"events":[{"TaskCompleted":{"task":2,"result":2}}]}' AS BLOB));
INSERT INTO history VALUES (15, 0, 5, CAST('{"v":1,"at":1700000001000,"events":[{"TaskCompleted":{"task":1,"result":1}}]}' AS BLOB));
INSERT INTO history VALUES (15, 0, 6, CAST('{"v":1,"at":1700000001000,"events":[{"TaskCompleted":{"task":3,"result":3}},{"ExecutionCompleted":{"output":5}}]}' AS BLOB));
INSERT INTO history VALUES (16, 0, 0, CAST('{"v":1,"at":1700000001000,"events":[{"ExecutionStarted":{"name":"HelloCities","input":null}}]}' AS BLOB));
INSERT INTO inbox VALUES (6, 0, CAST('{"v":1,"event":{"EventRaised":{"name":"UserChoice","data":"Seattle"}}}' AS BLOB));
INSERT INTO modules VALUES ('Approval', 1);
INSERT INTO modules VALUES ('Cities', 1);
INSERT INTO modules VALUES ('FailOnce', 1);
INSERT INTO modules VALUES ('Monitor', 1);
INSERT INTO modules VALUES ('Orders', 1);
INSERT INTO modules VALUES ('Tickets', 1);
INSERT INTO modules VALUES ('Workloads', 1);
INSERT INTO versions VALUES (1, 'Approval', 1, 1, 'digest of Approval', 197387, 1700000000000, '["Approval","AskApprover"]', '[]', '["dacapo:orchestration/types@0.1.0","dacapo:orchestration/context@0.1.0","dacapo:orchestration/activity-context@0.1.0","wasi:io/poll@0.2.6","wasi:io/error@0.2.6","wasi:io/streams@0.2.6","wasi:cli/environment@0.2.6","wasi:cli/exit@0.2.6","wasi:cli/stdin@0.2.6","wasi:cli/stdout@0.2.6","wasi:cli/stderr@0.2.6","wasi:cli/terminal-input@0.2.6","wasi:cli/terminal-output@0.2.6","wasi:cli/terminal-stdin@0.2.6","wasi:cli/terminal-stdout@0.2.6","wasi:cli/terminal-stderr@0.2.6","wasi:random/insecure-seed@0.2.6"]');
INSERT INTO versions VALUES (2, 'Cities', 1, 1, 'digest of Cities', 162996, 1700000000000, '["HelloCities","CityRecommender"]', '["SayHello"]', '["dacapo:orchestration/types@0.1.0","dacapo:orchestration/context@0.1.0","dacapo:orchestration/activity-context@0.1.0","wasi:io/poll@0.2.6","wasi:io/error@0.2.6","wasi:io/streams@0.2.6","wasi:cli/environment@0.2.6","wasi:cli/exit@0.2.6","wasi:cli/stdin@0.2.6","wasi:cli/stdout@0.2.6","wasi:cli/stderr@0.2.6","wasi:cli/terminal-input@0.2.6","wasi:cli/terminal-output@0.2.6","wasi:cli/terminal-stdin@0.2.6","wasi:cli/terminal-stdout@0.2.6","wasi:cli/terminal-stderr@0.2.6","wasi:random/insecure-seed@0.2.6"]');
INSERT INTO versions VALUES (3, 'FailOnce', 1, 1, 'digest of FailOnce', 161975, 1700000000000, '["FailOnce"]', '["BuyAtShop"]', '["dacapo:orchestration/types@0.1.0","dacapo:orchestration/context@0.1.0","dacapo:orchestration/activity-context@0.1.0","wasi:io/poll@0.2.6","wasi:clocks/monotonic-clock@0.2.6","wasi:io/error@0.2.6","wasi:io/streams@0.2.6","wasi:cli/environment@0.2.6","wasi:cli/exit@0.2.6","wasi:cli/stdin@0.2.6","wasi:cli/stdout@0.2.6","wasi:cli/stderr@0.2.6","wasi:cli/terminal-input@0.2.6","wasi:cli/terminal-output@0.2.6","wasi:cli/terminal-stdin@0.2.6","wasi:cli/terminal-stdout@0.2.6","wasi:cli/terminal-stderr@0.2.6","wasi:clocks/wall-clock@0.2.6","wasi:random/insecure-seed@0.2.6"]');
INSERT INTO versions VALUES (4, 'Monitor', 1, 1, 'digest of Monitor', 169203, 1700000000000, '["MonitorJob"]', '["ReadSensor"]', '["dacapo:orchestration/types@0.1.0","dacapo:orchestration/context@0.1.0","dacapo:orchestration/activity-context@0.1.0","wasi:io/poll@0.2.6","wasi:io/error@0.2.6","wasi:io/streams@0.2.6","wasi:cli/environment@0.2.6","wasi:cli/exit@0.2.6","wasi:cli/stdin@0.2.6","wasi:cli/stdout@0.2.6","wasi:cli/stderr@0.2.6","wasi:cli/terminal-input@0.2.6","wasi:cli/terminal-output@0.2.6","wasi:cli/terminal-stdin@0.2.6","wasi:cli/terminal-stdout@0.2.6","wasi:cli/terminal-stderr@0.2.6","wasi:random/insecure-seed@0.2.6"]');
INSERT INTO versions VALUES (5, 'Orders', 1, 1, 'digest of Orders', 203658, 1700000000000, '["OrderFulfilment"]', '["ReserveStock","ReleaseStock","ChargeCustomer","RefundCustomer","ShipOrder","RecallShipment"]', '["dacapo:orchestration/types@0.1.0","dacapo:orchestration/context@0.1.0","dacapo:orchestration/activity-context@0.1.0","wasi:io/poll@0.2.6","wasi:io/error@0.2.6","wasi:io/streams@0.2.6","wasi:cli/environment@0.2.6","wasi:cli/exit@0.2.6","wasi:cli/stdin@0.2.6","wasi:cli/stdout@0.2.6","wasi:cli/stderr@0.2.6","wasi:cli/terminal-input@0.2.6","wasi:cli/terminal-output@0.2.6","wasi:cli/terminal-stdin@0.2.6","wasi:cli/terminal-stdout@0.2.6","wasi:cli/terminal-stderr@0.2.6","wasi:random/insecure-seed@0.2.6"]');
INSERT INTO versions VALUES (6, 'Tickets', 1, 1, 'digest of Tickets', 160862, 1700000000000, '["ReserveTicket"]', '["CalculateDiscount"]', '["dacapo:orchestration/types@0.1.0","dacapo:orchestration/context@0.1.0","dacapo:orchestration/activity-context@0.1.0","wasi:io/poll@0.2.6","wasi:io/error@0.2.6","wasi:io/streams@0.2.6","wasi:cli/environment@0.2.6","wasi:cli/exit@0.2.6","wasi:cli/stdin@0.2.6","wasi:cli/stdout@0.2.6","wasi:cli/stderr@0.2.6","wasi:cli/terminal-input@0.2.6","wasi:cli/terminal-output@0.2.6","wasi:cli/terminal-stdin@0.2.6","wasi:cli/terminal-stdout@0.2.6","wasi:cli/terminal-stderr@0.2.6","wasi:random/insecure-seed@0.2.6"]');
INSERT INTO versions VALUES (7, 'Workloads', 1, 1, 'digest of Workloads', 164449, 1700000000000, '["Steps","FanOut","Park","Trivial"]', '["Noop"]', '["dacapo:orchestration/types@0.1.0","dacapo:orchestration/context@0.1.0","dacapo:orchestration/activity-context@0.1.0","wasi:io/poll@0.2.6","wasi:io/error@0.2.6","wasi:io/streams@0.2.6","wasi:cli/environment@0.2.6","wasi:cli/exit@0.2.6","wasi:cli/stdin@0.2.6","wasi:cli/stdout@0.2.6","wasi:cli/stderr@0.2.6","wasi:cli/terminal-input@0.2.6","wasi:cli/terminal-output@0.2.6","wasi:cli/terminal-stdin@0.2.6","wasi:cli/terminal-stdout@0.2.6","wasi:cli/terminal-stderr@0.2.6","wasi:random/insecure-seed@0.2.6"]');
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES ('versions', 7);
INSERT INTO sqlite_sequence VALUES ('instances', 16);
