package check

import (
	"slices"
)

// measures: a metric measures a field of a line, both of which the product really writes.
func measures(c *config, p *Product, fault func(string, ...any)) {
	all, found := c.locals["measured"]
	if !found {
		fault("nothing is measured")
		return
	}
	for _, name := range c.keys(all) {
		row, _ := c.member(all, name)
		filter, ok := c.member(row, "filter")
		if !ok {
			fault("%s has no filter", name)
			continue
		}
		texts := quoted.FindAllStringSubmatch(c.source(filter), -1)
		if len(texts) != 1 {
			fault("%s does not measure one line", name)
			continue
		}
		value, _ := c.member(row, "value")
		labels, _ := c.member(row, "labels")
		for _, field := range append(c.texts(labels), c.text(value, "")) {
			if !slices.Contains(p.Lines[texts[0][1]], field) {
				fault("%s reads %q of the line %q, which does not have it", name, field, texts[0][1])
			}
		}
	}
}

// restore: the job that makes the state again is there, and cannot change the archive.
func restore(c *config, _ *Product, fault func(string, ...any)) {
	job, found := c.one("google_cloud_run_v2_job", "restore")
	if !found {
		fault("there is no job")
		return
	}
	outer, _ := nested(job.Body, "template")
	if outer == nil {
		fault("the job has no template")
		return
	}
	template, ok := nested(outer, "template")
	if !ok {
		fault("the job has no template")
		return
	}
	container, _ := nested(template, "containers")
	if container == nil || c.attribute(container, "args") != `["restore"]` || c.attribute(container, "image") != `"${local.images}/generate-sign${local.platform.tag}"` {
		fault("the job does not run generate-sign restore")
	}
	rights := map[string]string{}
	for _, b := range c.find("resource", "google_storage_bucket_iam_member") {
		if c.attribute(b.Body, "member") == "google_service_account.restore.member" {
			rights[c.attribute(b.Body, "bucket")] += c.attribute(b.Body, "role")
		}
	}
	if rights["google_storage_bucket.archive.name"] != `"roles/storage.objectViewer"` || rights["google_storage_bucket.state.name"] != `"roles/storage.objectUser"` {
		fault("the job's rights are %v", rights)
	}
}
