// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package adoption

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/mongodb"
	"github.com/quorate/quorate/internal/resource"
)

// closed is the set of the tutorial with a key file, which is in a Secret.
func closed() *Found {
	f := tutorial()
	f.Datastore.Spec.Adopt.Authentication = v1alpha1.AuthenticationKeyFile
	f.Datastore.Spec.Adopt.KeyFile = &v1alpha1.AdoptedKeyFile{
		SecretRef: v1alpha1.SecretKeyReference{Name: "mongo-key", Key: "keyfile"}, AdministratorSecretRef: v1alpha1.SecretReference{Name: "mongo-root"},
	}
	f.hand().Volumes = []corev1.Volume{{Name: "key", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "mongo-key"}}}}
	f.server().Command = []string{"mongod", "--replSet", "rs0", "--keyFile", "/etc/mongo/keyfile"}
	f.server().VolumeMounts = append(f.server().VolumeMounts, corev1.VolumeMount{Name: "key", MountPath: "/etc/mongo"})
	f.Template = resource.New(resource.Input{Datastore: f.Datastore, Engine: f.Engine}).StatefulSets(nil, true)[0].Spec.Template
	return f
}

func (f *Found) server() *corev1.Container { return &f.hand().Containers[0] }

// mount is that of the key file.
func (f *Found) mount() *corev1.VolumeMount { return &f.server().VolumeMounts[1] }

// TestTheKeyFileIsThatOfTheSecret compares where the servers have it from.
func TestTheKeyFileIsThatOfTheSecret(t *testing.T) {
	const elsewhere = "its servers read /etc/mongo/keyfile, which is not in a volume of a Secret"
	for name, c := range map[string]struct {
		change func(*Found)
		want   string
	}{
		"a folder":            {func(*Found) {}, ""},
		"one file":            {func(f *Found) { f.mount().MountPath, f.mount().SubPath = "/etc/mongo/keyfile", "keyfile" }, ""},
		"a folder in another": {func(f *Found) { f.mount().MountPath = "/etc/mongo/" }, ""},
		"under another name": {func(f *Found) {
			f.Datastore.Spec.Adopt.KeyFile.SecretRef.Key = "key"
			f.hand().Volumes[0].Secret.Items = []corev1.KeyToPath{{Key: "other", Path: "x"}, {Key: "key", Path: "keyfile"}}
		}, ""},
		"not among the items":           {func(f *Found) { f.hand().Volumes[0].Secret.Items = []corev1.KeyToPath{{Key: "keyfile", Path: "x"}} }, elsewhere},
		"on the image":                  {func(f *Found) { f.mount().MountPath = "/etc/other" }, elsewhere},
		"beside the mount":              {func(f *Found) { f.mount().MountPath = "/etc/mon" }, elsewhere},
		"in a folder that is not known": {func(f *Found) { f.mount().SubPathExpr = "$(POD)" }, elsewhere},
		"in an empty folder": {func(f *Found) {
			f.hand().Volumes[0].VolumeSource = corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}
		}, elsewhere},
		"of another Secret": {func(f *Found) { f.hand().Volumes[0].Secret.SecretName = "other" },
			"is the key keyfile of Secret other, and spec.adopt names the key keyfile of Secret mongo-key: delete this Datastore,"},
		"of another key": {func(f *Found) { f.Datastore.Spec.Adopt.KeyFile.SecretRef.Key = "key" }, "spec.adopt names the key key of Secret mongo-key"},
		"a volume of another Secret": {func(f *Found) {
			f.hand().Volumes = append(f.hand().Volumes, corev1.Volume{Name: "x", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "x"}}})
		}, "volume x, which is of a kind that ours cannot have: do without it"},
		"something is wrong with a Secret": {func(f *Found) { f.SecretProblems = []string{"Secret mongo-root does not exist"} }, "Secret mongo-root does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			f := closed()
			c.change(f)
			got := strings.Join(f.Obstacles(), "; ")
			if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("in the way is %q, want %q", got, c.want)
			}
		})
	}
}

// TestValue reads what the user has in a Secret, if its owner has agreed.
func TestValue(t *testing.T) {
	f := closed()
	wanted := mongodb.Engine{}.AdoptedSecrets(f.Datastore)
	if len(wanted) != 3 {
		t.Fatalf("wanted are %+v", wanted)
	}
	secret := func(key, value string) *corev1.Secret {
		return &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{v1alpha1.LabelConsent: v1alpha1.ConsentGiven}}, Data: map[string][]byte{key: []byte(value)},
		}
	}
	for name, c := range map[string]struct {
		of    engine.AdoptedSecret
		s     *corev1.Secret
		value string
		says  string
	}{
		"a key":                     {wanted[0], secret("keyfile", "abc+/\nDEF=\n"), "abc+/DEF=", ""},
		"no Secret":                 {wanted[0], nil, "", "Secret mongo-key, which spec.adopt names, does not exist: create it"},
		"no consent":                {wanted[0], &corev1.Secret{Data: map[string][]byte{"keyfile": []byte("abcdef")}}, "", "does not bear the label quorate.dev/datastores-may-use=true"},
		"another key":               {wanted[0], secret("key", "abcdef"), "", "has nothing under the key keyfile: put it there"},
		"two keys":                  {wanted[0], secret("keyfile", "- abcdef\n- ghijkl\n"), "", "finish the rotation first"},
		"a short key":               {wanted[0], secret("keyfile", "abcde"), "", "6 to 1024 characters of base64"},
		"a long key":                {wanted[0], secret("keyfile", strings.Repeat("a", 1025)), "", "6 to 1024 characters of base64"},
		"no key":                    {wanted[0], secret("keyfile", "not a key!"), "", "6 to 1024 characters of base64"},
		"a name":                    {wanted[1], secret("username", "root"), "root", ""},
		"a password":                {wanted[2], secret("password", "p@ss w/rd"), "p@ss w/rd", ""},
		"a password with a line":    {wanted[2], secret("password", "p@ss\n"), "", "no control characters, such as a newline at its end"},
		"a name without a password": {wanted[2], secret("username", "root"), "", "Secret mongo-root has nothing under the key password"},
	} {
		t.Run(name, func(t *testing.T) {
			value, says := Value(c.of, c.s)
			if string(value) != c.value || (says == "") != (c.says == "") || !strings.Contains(says, c.says) {
				t.Errorf("%q, %q; want %q, %q", value, says, c.value, c.says)
			}
		})
	}
}
