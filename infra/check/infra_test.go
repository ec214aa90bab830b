package check_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"timbre/infra/check"
)

const root = "../.."

func product(t *testing.T) *check.Product {
	t.Helper()
	p, err := check.ReadProduct(root)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func tree(t *testing.T) check.Tree {
	t.Helper()
	read, err := check.ReadTree(filepath.Join(root, "infra"))
	if err != nil {
		t.Fatal(err)
	}
	return read
}

func runbooks(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "docs", "runbooks", "*.md"))
	if err != nil || len(files) == 0 {
		t.Fatal("no runbooks", err)
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = strings.TrimSuffix(filepath.Base(f), ".md")
	}
	return names
}

func TestInfra(t *testing.T) {
	t.Parallel()
	found, err := check.Infra(tree(t), product(t), runbooks(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
}

// TestProduct makes sure that the sources were read: rules over nothing find nothing.
func TestProduct(t *testing.T) {
	t.Parallel()
	p := product(t)
	for _, function := range p.Functions {
		if len(p.Variables[function]) < 3 {
			t.Errorf("%s reads %d variables", function, len(p.Variables[function]))
		}
	}
	if len(p.Functions) < 5 || len(p.Topics) < 5 || len(p.Pushes) < 4 || len(p.Routes["onboard"]) < 10 {
		t.Errorf("read %v, topics %v, pushes %v, routes %v", p.Functions, p.Topics, p.Pushes, p.Routes)
	}
}

// planted are faults: the text in a file and what stands in its place, and the rule that must find it.
// An empty text is a file more, an empty file is one less.
var planted = []struct{ name, rule, file, text, instead string }{
	{"a function without service", "services", "service_send.tf", "*", ""},
	{"a service of another name", "services", "service_send.tf", `name          = "send"`, `name          = "sender"`},
	{"a service of no function", "services", "service_old.tf", "", "# gone"},
	{"a required variable is not set", "environment", "main.tf", "STATE_BUCKET         = google_storage_bucket.state.name\n", "\n"},
	{"a variable is misspelt", "environment", "main.tf", "OIDC_AUDIENCE  ", "OIDC_AUDIENCES "},
	{"the operator's key is unknown", "environment", "service_onboard.tf", ", { BOOTSTRAP_KEY_SHA256 = var.bootstrap_key_sha256 }", ""},
	{"webhooks may go to private addresses", "environment", "service_notify.tf", "local.people)", `local.people, { ALLOW_PRIVATE_HOSTS = "true" })`},
	{"everybody may invoke", "access", "modules/service/main.tf", "\nresource \"google_storage_bucket_iam_member\" \"state\" {", "\nresource \"google_cloud_run_v2_service_iam_member\" \"all\" {\n  member = \"allUsers\"\n}\n\nresource \"google_storage_bucket_iam_member\" \"state\" {"},
	{"the IAM check is on", "access", "modules/service/main.tf", "invoker_iam_disabled = true", "invoker_iam_disabled = false"},
	{"a bucket may be public", "access", "storage.tf", `public_access_prevention    = "enforced"`, `public_access_prevention    = "inherited"`},
	{"notify is open", "ingress", "service_notify.tf", "local.private_ingress", "local.public_ingress"},
	{"send is open", "ingress", "service_send.tf", "local.flush_ingress", "local.public_ingress"},
	{"a route leads nowhere", "paths", "lb.tf", `"/v1/events", `, ""},
	{"the ticks are reached from outside", "paths", "lb.tf", `"/v1/outbox:flush"`, `"/v1/outbox:flush", "/*"`},
	{"the archive may be deleted from", "rights", "service_send.tf", `"roles/storage.objectCreator"`, `"roles/storage.objectUser"`},
	{"send may make secrets", "rights", "service_send.tf", `secrets = "read"`, `secrets = "write"`},
	{"a role on the project", "rights", "modules/service/main.tf", "condition {\n    title      = \"secrets of Timbre\"\n    expression = var.platform.secrets.condition\n  }", ""},
	{"send may raise no alert", "publishers", "service_send.tf", `, google_pubsub_topic.main["company-alert"].name`, ""},
	{"notify may publish", "publishers", "service_notify.tf", "topics  = []", `topics  = [google_pubsub_topic.main["dte-sent"].name]`},
	{"a request is cut off", "timeouts", "modules/service/main.tf", `= "600s"`, `= "300s"`},
	{"a message is delivered while it is worked on", "timeouts", "pubsub.tf", "ack_deadline_seconds       = 600", "ack_deadline_seconds       = 10"},
	{"a topic is missing", "topics", "pubsub.tf", `, "company-alert"]`, `]`},
	{"no dead letter topic", "dead-letters", "pubsub.tf", "resource \"google_pubsub_topic\" \"dead\" {\n  for_each = local.topics", "resource \"google_pubsub_topic\" \"dead\" {\n  for_each = toset([\"dte-signed\"])"},
	{"nothing is buried", "dead-letters", "pubsub.tf", "dead_letter_policy {", "retry_policy {"},
	{"a quiet subscription expires", "dead-letters", "pubsub.tf", `ttl = "" # never: by`, `ttl = "2678400s" # by`},
	{"a topic wakes nobody", "pushes", "pubsub.tf", "dte-sent-poll-status ", "# dte-sent-poll-status "},
	{"a topic wakes somebody else", "pushes", "pubsub.tf", `"dte-sent", endpoint = module.poll_status.uri`, `"dte-sent", endpoint = module.notify.uri`},
	{"a push without token", "pushes", "pubsub.tf", "audience              = local.audience", `audience              = "x"`},
	{"a function is not ticked", "ticks", "scheduler.tf", "    poll-status       = module.poll_status.uri\n", ""},
	{"ticks are rare", "ticks", "scheduler.tf", `"* * * * *"`, `"0 * * * *"`},
	{"claims are deleted by age", "state", "storage.tf", "  soft_delete_policy {", "  lifecycle_rule {\n    condition {\n      age = 30\n    }\n    action {\n      type = \"Delete\"\n    }\n  }\n\n  soft_delete_policy {"},
	{"what is deleted is gone", "state", "storage.tf", "thirty_day = 30 * 86400", "thirty_day = 0"},
	{"the archive keeps for six months", "archive", "storage.tf", "(6 * 365 + 2)", "(6 * 30)"},
	{"the archive can be destroyed", "archive", "storage.tf", "force_destroy               = false", "force_destroy               = true"},
	{"a line is counted that nothing writes", "logs", "monitoring.tf", "webhook given up", "webhook was given up"},
	{"a line is measured that nothing writes", "measures", "monitoring.tf", "SII called", "SII was called"},
	{"a field is measured that the line lacks", "measures", "monitoring.tf", `value  = "latency_ms"`, `value  = "age_seconds"`},
	{"a label that the line lacks", "measures", "monitoring.tf", `labels = ["status", "environment"]`, `labels = ["state", "environment"]`},
	{"the restore job may change the archive", "restore", "job_restore.tf", "roles/storage.objectViewer", "roles/storage.objectUser"},
	{"the restore job serves", "restore", "job_restore.tf", `["restore"]`, "[]"},
	{"an alert on no metric", "alerts", "monitoring.tf", "user/${var.prefix}/folio-lost", "user/${var.prefix}/folios-lost"},
	{"an alert without runbook", "alerts", "monitoring.tf", "    queue-age = {", "    queue-length = {"},
}

func TestEachPlantedFaultIsFound(t *testing.T) {
	t.Parallel()
	p, sound, books := product(t), tree(t), runbooks(t)
	for _, f := range planted {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			bad := maps.Clone(sound)
			switch {
			case f.text == "*":
				delete(bad, f.file)
			case f.text == "":
				bad[f.file] = f.instead
			case strings.Contains(bad[f.file], f.text):
				bad[f.file] = strings.Replace(bad[f.file], f.text, f.instead, 1)
			default:
				t.Fatalf("%s does not hold %q", f.file, f.text)
			}
			found, err := check.Infra(bad, p, books)
			if err != nil {
				t.Fatal(err)
			}
			for _, fault := range found {
				if fault.Rule == f.rule {
					return
				}
			}
			t.Errorf("not found by %s; found %v", f.rule, found)
		})
	}
}

// TestEveryRuleHasAPlantedFault keeps the table complete.
func TestEveryRuleHasAPlantedFault(t *testing.T) {
	t.Parallel()
	covered := map[string]bool{}
	for _, f := range planted {
		covered[f.rule] = true
	}
	for _, name := range check.Rules() {
		if !covered[name] {
			t.Errorf("no fault is planted for %s", name)
		}
	}
}

// TestExamplesNameVariablesThatExist finds here what else only a provider's schema would.
func TestExamplesNameVariablesThatExist(t *testing.T) {
	t.Parallel()
	variables := tree(t)["variables.tf"]
	text, err := os.ReadFile(filepath.Join(root, "infra", "examples", "minimal", "main.tf"))
	if err != nil {
		t.Fatal(err)
	}
	_, module, found := strings.Cut(string(text), "module \"timbre\" {")
	if !found {
		t.Fatal("the example uses no module timbre")
	}
	module, _, _ = strings.Cut(module, "\n}")
	for line := range strings.Lines(module) {
		name, _, isSet := strings.Cut(strings.TrimSpace(line), " ")
		if !isSet || name == "source" {
			continue
		}
		if !strings.Contains(variables, "variable \""+name+"\" {") {
			t.Errorf("the module has no variable %s", name)
		}
	}
}
