// Package identity checks what a Keyward gateway says of each request and of each frame of a socket. See docs/IDENTITY.md.
//
//	key, err := identity.ReadKey("/etc/exchange/keyward-identity.key")
//	told, err := identity.Verify(1, key, r.Header, r.Method, r.RequestURI, body, time.Now().UnixMilli())
//	told, request, err := identity.VerifyFrame(1, key, frame, upgrade.RequestURI, time.Now().UnixMilli())
//
// The target must be the raw path with its query as it came, such as http.Request.RequestURI. Do not act on a request for
// which Verify or VerifyFrame gives an error.
package identity

import (
	"bytes"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
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
	// Stands for the method of a frame.
	ofFrame = "WS"
	// Digits of the largest number of 64 bits.
	deadlineDigits = 20
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
	read, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(read) != len(key) {
		return key, errors.New("the key must be 64 hexadecimal digits")
	}
	copy(key[:], read)
	return key, nil
}

// Verify gives the verified identity by lower-case header name. Headers are as net/http has them: any spelling of names,
// all values of a name. The body of a request without one is empty.
func Verify(keyID int, key Key, headers map[string][]string, method, target string, body []byte, nowMs int64) (map[string]string, error) {
	if method == ofFrame {
		return nil, errors.New("a frame's identity does not work for a request")
	}
	told := claims{}
	for given, values := range headers {
		name := strings.ToLower(given)
		if !strings.HasPrefix(strings.NewReplacer("_", "-", ".", "-").Replace(name), prefix) {
			continue
		}
		for _, value := range values {
			if err := told.put(name, value); err != nil {
				return nil, err
			}
		}
	}
	if err := told.check(keyID, key, method, target, body, nowMs); err != nil {
		return nil, err
	}
	return told, nil
}

// VerifyFrame gives the verified identity and the request of a text frame. The target is that of the socket's upgrade.
func VerifyFrame(keyID int, key Key, frame []byte, target string, nowMs int64) (map[string]string, []byte, error) {
	line, request, found := bytes.Cut(frame, []byte{'\n'})
	if !found {
		return nil, nil, errors.New("the frame has no line of identity")
	}
	told, err := members(line)
	if err != nil {
		return nil, nil, err
	}
	if err := told.check(keyID, key, ofFrame, target, request, nowMs); err != nil {
		return nil, nil, err
	}
	return told, request, nil
}

// members reads the line of identity, a JSON object of strings.
func members(line []byte) (claims, error) {
	malformed := errors.New("the line of identity is not an object of strings")
	reader := json.NewDecoder(bytes.NewReader(line))
	if first, err := reader.Token(); err != nil || first != json.Delim('{') {
		return nil, malformed
	}
	told := claims{}
	for reader.More() {
		name, err := nextString(reader)
		if err != nil {
			return nil, malformed
		}
		value, err := nextString(reader)
		if err != nil {
			return nil, malformed
		}
		if err := told.put(name, value); err != nil {
			return nil, err
		}
	}
	if last, err := reader.Token(); err != nil || last != json.Delim('}') {
		return nil, malformed
	}
	if _, err := reader.Token(); err != io.EOF {
		return nil, malformed
	}
	return told, nil
}

func nextString(reader *json.Decoder) (string, error) {
	token, err := reader.Token()
	if err != nil {
		return "", err
	}
	found, isText := token.(string)
	if !isText {
		return "", errors.New("not a string")
	}
	return found, nil
}

// claims is what the gateway says, by lower-case name.
type claims map[string]string

// put takes one name of the gateway. No other name is known, and none may come twice.
func (told claims) put(name, value string) error {
	known := name == signature
	for _, field := range fields {
		known = known || name == field
	}
	if _, twice := told[name]; !known || twice {
		return errors.New(name + " is unknown or comes twice")
	}
	for _, letter := range []byte(value) {
		if letter >= 0x80 {
			return errors.New(name + " has a character that the gateway never sends")
		}
	}
	told[name] = value
	return nil
}

// check takes the signature out, and gives an error unless it fits the request and is not late.
func (told claims) check(keyID int, key Key, method, target string, body []byte, nowMs int64) error {
	for _, name := range required {
		if _, there := told[name]; !there {
			return errors.New("missing: " + name)
		}
	}
	parts := strings.Split(told[signature], ",")
	if len(parts) != 3 || parts[0] != "v2" || parts[1] != strconv.Itoa(keyID) || len(parts[2]) != 44 {
		return errors.New("the identity is malformed or was made with another key")
	}
	until, err := digits(told[deadline])
	if err != nil {
		return err
	}
	claimed, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil || strings.ContainsAny(parts[2], "\r\n") {
		return errors.New("the MAC is no Base64")
	}
	if subtle.ConstantTimeCompare(mac(key, told, until, method, target, body), claimed) != 1 {
		return errors.New("the identity does not fit the request")
	}
	if nowMs < 0 || until < uint64(nowMs) {
		return errors.New("the deadline has passed")
	}
	delete(told, signature)
	return nil
}

func digits(text string) (uint64, error) {
	if len(text) > deadlineDigits {
		return 0, errors.New("the deadline is no number")
	}
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
