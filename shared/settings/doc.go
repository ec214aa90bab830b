// Package settings is the part of the configuration that every function shares. A function's own Config
// embeds Common and adds its fields; main fills it with Load, tests with envconfig.MapLookuper.
package settings
