// Package demo issues documents on a running stack as an ERP would, shows the way of each as it
// happens, and keeps what was made. It is what `make run` does.
package demo
