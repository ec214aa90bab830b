package local

// FunctionEnvironment names what every function is told.
func FunctionEnvironment() ([]string, error) {
	spec, err := (&plan{}).functionSpec("send")
	var names []string
	for name := range spec.env {
		names = append(names, name)
	}
	return names, err
}
