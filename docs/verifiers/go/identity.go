// Package identity checks what a Keyward gateway says of each request. See docs/IDENTITY.md.
//
//	key, err := identity.ReadKey("/etc/exchange/keyward-identity.key")
//	told, err := identity.Verify(1, key, r.Header, r.Method, r.RequestURI, body, time.Now().UnixMilli())
//
// The target must be the raw path with its query as it came, such as http.Request.RequestURI. Do not act on a request for
// which Verify gives an error.
package identity

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"os"
	"strconv"
	"strings"

	"lukechampine.com/blake3"
)

const (
	prefix    = "keyward-"
	signature = "keyward-identity"
	deadline  = "keyward-deadline"
	absent    = 0xffffffff
)

// In the order in which they are signed.
var fields = []string{
	"keyward-account", "keyward-sub-account", "keyward-key", "keyward-label", "keyward-ip", "keyward-permissions",
	"keyward-environment", "keyward-route", "keyward-request-id", deadline, "keyward-client-address",
}

var required = []string{
	"keyward-permissions", "keyward-environment", "keyward-route", "keyward-request-id", deadline,
	"keyward-client-address", signature,
}

// Key is what gateway and exchange share.
type Key [32]byte

// ReadKey reads a file that `keyward identity-key` wrote: 64 hexadecimal digits and a line feed. Its number is 1.
func ReadKey(file string) (Key, error) {
	var key Key
	text, err := os.ReadFile(file)
	if err != nil {
		return key, err
	}
	bytes, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(bytes) != len(key) {
		return key, errors.New("the key must be 64 hexadecimal digits")
	}
	copy(key[:], bytes)
	return key, nil
}

// Verify gives the verified identity by lower-case header name. Headers are as net/http has them: any spelling of names,
// all values of a name. The body of a request without one is empty.
func Verify(keyID int, key Key, headers map[string][]string, method, target string, body []byte, nowMs int64) (map[string]string, error) {
	told, err := collect(headers)
	if err != nil {
		return nil, err
	}
	parts := strings.Split(told[signature], ",")
	if len(parts) != 3 || parts[0] != "v2" || parts[1] != strconv.Itoa(keyID) || len(parts[2]) != 44 {
		return nil, errors.New("the identity is malformed or was made with another key")
	}
	until, err := digits(told[deadline])
	if err != nil {
		return nil, err
	}
	claimed, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil || strings.ContainsAny(parts[2], "\r\n") {
		return nil, errors.New("the MAC is no Base64")
	}
	if subtle.ConstantTimeCompare(mac(key, told, until, method, target, body), claimed) != 1 {
		return nil, errors.New("the identity does not fit the request")
	}
	if nowMs < 0 || until < uint64(nowMs) {
		return nil, errors.New("the deadline has passed")
	}
	delete(told, signature)
	return told, nil
}

// collect takes the headers of the gateway, each once and none that is unknown.
func collect(headers map[string][]string) (map[string]string, error) {
	known := map[string]bool{signature: true}
	for _, name := range fields {
		known[name] = true
	}
	told := map[string]string{}
	for given, values := range headers {
		name := strings.ToLower(given)
		if !strings.HasPrefix(strings.NewReplacer("_", "-", ".", "-").Replace(name), prefix) {
			continue
		}
		_, twice := told[name]
		if !known[name] || len(values) != 1 || twice {
			return nil, errors.New(name + " is unknown or comes twice")
		}
		told[name] = values[0]
	}
	for _, name := range required {
		if _, there := told[name]; !there {
			return nil, errors.New("missing: " + name)
		}
	}
	return told, nil
}

func digits(text string) (uint64, error) {
	for _, letter := range text {
		if letter < '0' || letter > '9' {
			return 0, errors.New("the deadline is no number")
		}
	}
	return strconv.ParseUint(text, 10, 64)
}

// mac is the MAC over all fields. An absent field differs from an empty one.
func mac(key Key, told map[string]string, until uint64, method, target string, body []byte) []byte {
	hash := blake3.New(len(key), key[:])
	field := func(label string, value []byte, there bool) {
		size := uint32(len(value))
		if !there {
			size = absent
		}
		hash.Write(append([]byte(label), 0))
		hash.Write(binary.BigEndian.AppendUint32(nil, size))
		hash.Write(value)
	}
	field("format", []byte("keyward identity 2"), true)
	for _, name := range fields {
		value, there := told[name]
		if name == deadline {
			field(name, binary.BigEndian.AppendUint64(nil, until), true)
		} else {
			field(name, []byte(value), there)
		}
	}
	field("method", []byte(method), true)
	field("target", []byte(target), true)
	whole := blake3.Sum256(body)
	field("body", whole[:], true)
	return hash.Sum(nil)
}
