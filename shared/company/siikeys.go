package company

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"timbre/shared/caf"
)

// ReadSIIKeys gives the keys by which CAFs are checked: the SII's own, save those for which the folder
// has a file named by the IDK (100.pub, 300.pub), as a simulator's authority writes them. "" is no folder.
func ReadSIIKeys(folder string) (caf.Keys, error) {
	keys := caf.SIIKeys()
	if folder == "" {
		return keys, nil
	}
	found := false
	for _, idk := range []int{caf.IDKCertificacion, caf.IDKProduccion} {
		file, err := os.ReadFile(filepath.Join(folder, strconv.Itoa(idk)+".pub"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the SII's keys: %w", err)
		}
		if keys[idk], err = caf.ParseKey(file); err != nil {
			return nil, fmt.Errorf("read key %d of %s: %w", idk, folder, err)
		}
		found = true
	}
	if !found {
		return nil, fmt.Errorf("read the SII's keys: %s has neither 100.pub nor 300.pub", folder)
	}
	return keys, nil
}
