package check

import (
	"fmt"
	"slices"
	"strings"
)

// Fault is a difference that must not be; Rule says which of Rules found it.
type Fault struct{ Rule, Text string }

func (f Fault) String() string { return f.Rule + ": " + f.Text }

// rule looks at the infrastructure in the light of the product and tells what is wrong.
type rule struct {
	name string
	look func(*config, *Product, func(format string, a ...any))
}

// rules are all of them.
var rules = []rule{
	{"services", services},
	{"environment", environment},
	{"access", public},
	{"ingress", ingress},
	{"paths", paths},
	{"rights", rights},
	{"publishers", publishers},
	{"timeouts", timeouts},
	{"topics", topics},
	{"dead-letters", deadLetters},
	{"pushes", pushes},
	{"ticks", ticks},
	{"state", state},
	{"archive", archive},
	{"logs", logs},
	{"measures", measures},
	{"restore", restore},
	{"alerts", alerts},
}

// Rules are the names of all rules.
func Rules() []string {
	names := make([]string, len(rules))
	for i, r := range rules {
		names[i] = r.name
	}
	return names
}

// Infra returns the faults of a tree; runbooks are the names of docs/runbooks without .md.
func Infra(t Tree, p *Product, runbooks []string) ([]Fault, error) {
	c, err := parse(t)
	if err != nil {
		return nil, err
	}
	c.runbooks = runbooks
	var found []Fault
	for _, r := range rules {
		r.look(c, p, func(format string, a ...any) {
			found = append(found, Fault{r.name, fmt.Sprintf(format, a...)})
		})
	}
	return found, nil
}

// module gives the module of a function.
func (c *config) module(function string) (block, bool) {
	for _, b := range c.find("module", "") {
		if b.file == "service_"+function+".tf" && c.attribute(b.Body, "source") == `"./modules/service"` {
			return b, true
		}
	}
	return block{}, false
}

// services: every function has a service of its name in a file of its name, and nothing else has.
func services(c *config, p *Product, fault func(string, ...any)) {
	for _, function := range p.Functions {
		b, found := c.module(function)
		if !found {
			fault("%s has no module in service_%s.tf", function, function)
			continue
		}
		if name := c.attribute(b.Body, "name"); name != `"`+function+`"` {
			fault("service_%s.tf names the service %s", function, name)
		}
	}
	for file := range c.tree {
		name, isService := strings.CutPrefix(file, "service_")
		if isService && !slices.Contains(p.Functions, strings.TrimSuffix(name, ".tf")) {
			fault("%s is for no function", file)
		}
	}
}

// local are variables for runs on one machine, which the cloud must not set; Cloud Run sets PORT.
var local = []string{
	"PORT", "HOST", "SECRET_MANAGER_EMULATOR_HOST", "SII_CAF_KEYS", "SII_BASE_URL", "OIDC_CERTS_URL", "ALLOW_PRIVATE_HOSTS",
}

// bootstrapOnly says which function knows the operator's key.
const bootstrapOnly = "onboard"

// environment: every variable without a default is set, none is set that the function does not read, and
// none that is for one machine only.
func environment(c *config, p *Product, fault func(string, ...any)) {
	for _, function := range p.Functions {
		b, found := c.module(function)
		if !found {
			continue // services tells
		}
		var set []string
		if env, there := b.Body.Attributes["env"]; there {
			set = c.keys(env.Expr)
		}
		var known []string
		for _, v := range p.Variables[function] {
			known = append(known, v.Name)
			optional := v.Default || slices.Contains(local, v.Name) || v.Name == "BOOTSTRAP_KEY_SHA256" && function != bootstrapOnly
			if !optional && !slices.Contains(set, v.Name) {
				fault("%s is not told %s", function, v.Name)
			}
		}
		for _, name := range set {
			if !slices.Contains(known, name) {
				fault("%s does not read %s", function, name)
			}
			if slices.Contains(local, name) {
				fault("%s is told %s, which is for one machine", function, name)
			}
		}
	}
}

// public: nobody is let in by IAM who is everybody, callers are verified by the functions.
func public(c *config, _ *Product, fault func(string, ...any)) {
	for file, text := range c.tree {
		for _, everybody := range []string{"allUsers", "allAuthenticatedUsers"} {
			if strings.Contains(text, everybody) {
				fault("%s lets in %s", file, everybody)
			}
		}
	}
	for _, b := range c.find("resource", "google_cloud_run_v2_service") {
		if c.attribute(b.Body, "invoker_iam_disabled") != "true" {
			fault("the IAM check of %s is on: it takes signatures off ID tokens", b.Labels[1])
		}
	}
	for _, b := range c.find("resource", "google_storage_bucket") {
		if c.attribute(b.Body, "public_access_prevention") != `"enforced"` || c.attribute(b.Body, "uniform_bucket_level_access") != "true" {
			fault("bucket %s can be made public", b.Labels[1])
		}
	}
}

const (
	everybody  = "INGRESS_TRAFFIC_ALL"
	byBalancer = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
	internal   = "INGRESS_TRAFFIC_INTERNAL_ONLY"
)

// ingress: send and what has no public route are internal; with a load balancer nothing is reached past it.
func ingress(c *config, p *Product, fault func(string, ...any)) {
	for _, function := range p.Functions {
		b, found := c.module(function)
		if !found {
			continue // services tells
		}
		want := [2]string{everybody, byBalancer}
		switch {
		case len(p.Routes[function]) == 0:
			want = [2]string{internal, internal}
		case function == "send":
			want = [2]string{internal, byBalancer}
		}
		a, there := b.Body.Attributes["ingress"]
		if !there {
			fault("%s has no ingress", function)
			continue
		}
		if got := [2]string{c.text(a.Expr, ""), c.text(a.Expr, "dte.example.cl")}; got != want {
			fault("%s is reached by %v, without and with a domain, not %v", function, got, want)
		}
	}
}

// paths: the load balancer leads every public route to its function, and nothing to /_push and /_tick.
func paths(c *config, p *Product, fault func(string, ...any)) {
	balanced := map[string][]string{}
	if all, found := c.locals["balanced"]; found {
		for _, function := range c.keys(all) {
			if row, ok := c.member(all, function); ok {
				if list, ok := c.member(row, "paths"); ok {
					balanced[function] = c.texts(list)
				}
			}
		}
	}
	for _, function := range p.Functions {
		for _, r := range p.Routes[function] {
			_, path, _ := strings.Cut(r, " ")
			if got := leads(balanced, path); got != function {
				fault("%s goes to %q, not to %s", r, got, function)
			}
		}
	}
	for _, path := range []string{"/_tick", "/_push/dte-signed", "/v1/x"} {
		if got := leads(balanced, path); got != "" {
			fault("%s is reached from outside, at %s", path, got)
		}
	}
}

// leads tells which function a path goes to by the rules of URL maps: exact before the longest /*.
func leads(balanced map[string][]string, path string) string {
	best, length := "", -1
	for function, rules := range balanced {
		for _, r := range rules {
			prefix, wild := strings.CutSuffix(r, "*")
			if r == path {
				return function
			}
			if wild && strings.HasPrefix(path, prefix) && len(prefix) > length {
				best, length = function, len(prefix)
			}
		}
	}
	return best
}

// archiveRoles may add and read; none overwrites or deletes.
var archiveRoles = []string{"roles/storage.objectCreator", "roles/storage.objectViewer"}

// rights: accounts of their own, no role that is wider than the work.
func rights(c *config, p *Product, fault func(string, ...any)) {
	for _, function := range p.Functions {
		b, found := c.module(function)
		if !found {
			continue // services tells
		}
		a, there := b.Body.Attributes["rights"]
		if !there {
			fault("%s has no rights", function)
			continue
		}
		for key, allowed := range map[string][]string{"state": {"roles/storage.objectUser"}, "archive": archiveRoles} {
			list, _ := c.member(a.Expr, key)
			for _, role := range c.texts(list) {
				if !slices.Contains(allowed, role) {
					fault("%s has %s on the bucket %s", function, role, key)
				}
			}
		}
		if secrets, ok := c.member(a.Expr, "secrets"); ok && c.text(secrets, "") == "write" && function != bootstrapOnly {
			fault("%s may make and delete secrets", function)
		}
	}
	for file, text := range c.tree {
		for _, wide := range []string{"roles/owner", "roles/editor", "roles/viewer", "roles/storage.admin", "roles/storage.objectAdmin", "roles/secretmanager.admin", "roles/pubsub.admin"} {
			if strings.Contains(text, wide) {
				fault("%s gives %s", file, wide)
			}
		}
	}
	for _, b := range c.find("resource", "google_project_iam_member") {
		if b.Labels[1] != "make_secrets" && len(inner(b.Body, "condition")) == 0 {
			fault("%s in %s is a role on the whole project", b.Labels[1], b.file)
		}
	}
}

// publishes says by what a function uses it shows that it publishes on a topic.
var publishes = map[string]string{
	"company-alert": "alert.Raiser", "dte-status": "dispatch.Desk", "dte-sent": "desk.Received", "dte-signed": "event.DTESigned",
}

// publishers: a function may publish on the topics that it publishes on, and on no other.
func publishers(c *config, p *Product, fault func(string, ...any)) {
	for _, function := range p.Functions {
		b, found := c.module(function)
		if !found || b.Body.Attributes["rights"] == nil {
			continue // services and rights tell
		}
		list, _ := c.member(b.Body.Attributes["rights"].Expr, "topics")
		for topic, use := range publishes {
			does := p.Uses[function][use]
			may := list != nil && strings.Contains(c.source(list), `google_pubsub_topic.main["`+topic+`"]`)
			if does && !may {
				fault("%s publishes on %s and may not", function, topic)
			}
			if may && !does {
				fault("%s may publish on %s and does not", function, topic)
			}
		}
	}
}

// timeouts: services, acknowledgements and ticks have 600 seconds, instances and their load have bounds.
func timeouts(c *config, _ *Product, fault func(string, ...any)) {
	for _, b := range c.find("resource", "google_cloud_run_v2_service") {
		template, ok := nested(b.Body, "template")
		if !ok || c.attribute(template, "timeout") != `"600s"` {
			fault("service %s has not 600 s", b.Labels[1])
			continue
		}
		if c.attribute(template, "max_instance_request_concurrency") == "" {
			fault("service %s has no bound of concurrency", b.Labels[1])
		}
		if scaling, ok := nested(template, "scaling"); !ok || c.attribute(scaling, "max_instance_count") == "" {
			fault("service %s has no bound of instances", b.Labels[1])
		}
	}
	if b, found := c.one("google_pubsub_subscription", "push"); found && c.attribute(b.Body, "ack_deadline_seconds") != "600" {
		fault("pushes have not 600 s to be acknowledged")
	}
	if b, found := c.one("google_cloud_scheduler_job", "tick"); found && c.attribute(b.Body, "attempt_deadline") != `"600s"` {
		fault("ticks have not 600 s")
	}
}
