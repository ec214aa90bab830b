package scheduler

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// attempt posts once and counts the outcome.
func (s *Scheduler) attempt(ctx context.Context, job Job, at time.Time) {
	code, err := s.post(ctx, job, at)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		s.log.Warn("tick_failed", "job", job.Name, "error", err)
	}
	s.count(job.Name, code, err)
}

// post answers the status; an error also for every status that is not 2xx.
func (s *Scheduler) post(ctx context.Context, job Job, at time.Time) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptDeadline)
	defer cancel()
	request, err := s.request(ctx, job, at)
	if err != nil {
		return 0, err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return 0, fmt.Errorf("post tick: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20)); err != nil {
		return response.StatusCode, fmt.Errorf("read answer: %w", err)
	}
	if response.StatusCode/100 != 2 {
		return response.StatusCode, fmt.Errorf("target answered %d", response.StatusCode)
	}
	return response.StatusCode, nil
}

func (s *Scheduler) request(ctx context.Context, job Job, at time.Time) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, job.URL, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("make tick: %w", err)
	}
	request.Header.Set("Content-Type", "application/octet-stream")
	request.Header.Set("User-Agent", "Google-Cloud-Scheduler")
	request.Header.Set("X-CloudScheduler", "true")
	request.Header.Set("X-CloudScheduler-JobName", job.Name)
	request.Header.Set("X-CloudScheduler-ScheduleTime", at.UTC().Format(time.RFC3339))
	if job.ServiceAccount == "" {
		return request, nil
	}
	token, err := s.issuer.Token(job.Audience, job.ServiceAccount)
	if err != nil {
		return nil, fmt.Errorf("sign tick: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	return request, nil
}
