package scheduler_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"timbre/emulators/scheduler"
)

func ExampleStart() {
	ticks := make(chan string, 1)
	function := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case ticks <- r.Method + " " + r.URL.Path + " " + r.Header.Get("X-CloudScheduler-JobName"):
		default:
		}
	}))
	defer function.Close()
	s, err := scheduler.Start(scheduler.Options{Config: scheduler.Config{
		Interval: scheduler.Duration(time.Millisecond),
		Jobs:     []scheduler.Job{{Name: "send-tick", URL: function.URL}},
	}})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	fmt.Println(<-ticks)
	// Output: POST /_tick send-tick
}
