package scheduler

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// TickPath is where a job posts, under its URL.
const TickPath = "/_tick"

// ErrJob tells that a job of the configuration cannot be run.
var ErrJob = errors.New("scheduler: bad job")

// Config says what is posted, and how often.
type Config struct {
	Interval Duration `json:"interval"` // of jobs that name none
	Jobs     []Job    `json:"jobs"`
}

// Job posts to one function.
type Job struct {
	Name           string   `json:"name"`
	URL            string   `json:"url"`                       // base of the function; TickPath is added
	Audience       string   `json:"audience,omitempty"`        // of the token; empty: URL and path
	ServiceAccount string   `json:"service_account,omitempty"` // e-mail in the token; empty: no token
	Interval       Duration `json:"interval,omitempty"`
}

// Duration is written as in "1m30s".
type Duration time.Duration

// UnmarshalText reads a duration.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// MarshalText writes a duration.
func (d Duration) MarshalText() ([]byte, error) {
	return []byte(time.Duration(d).String()), nil
}

// LoadConfig reads a Config in JSON; unknown fields are an error.
func LoadConfig(path string) (Config, error) {
	var config Config
	text, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return config, fmt.Errorf("read config: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&config); err != nil {
		return config, fmt.Errorf("read config %s: %w", path, err)
	}
	return config, nil
}

// jobs answers the jobs with their intervals and full URLs.
func (c Config) jobs() ([]Job, error) {
	seen := map[string]bool{}
	jobs := make([]Job, 0, len(c.Jobs))
	for _, job := range c.Jobs {
		if job.Interval == 0 {
			job.Interval = c.Interval
		}
		u, err := url.Parse(job.URL)
		switch {
		case job.Name == "" || seen[job.Name]:
			return nil, fmt.Errorf("%w: name %q is empty or taken", ErrJob, job.Name)
		case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
			return nil, fmt.Errorf("%w: %s posts to %q", ErrJob, job.Name, job.URL)
		case job.Interval <= 0:
			return nil, fmt.Errorf("%w: %s has no interval", ErrJob, job.Name)
		}
		seen[job.Name] = true
		job.URL = u.JoinPath(TickPath).String()
		if job.Audience == "" {
			job.Audience = job.URL
		}
		jobs = append(jobs, job)
	}
	return jobs, nil
}
