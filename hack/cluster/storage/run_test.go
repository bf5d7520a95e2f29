// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestProvisionerAgainstAnAPIServer(t *testing.T) {
	b := newBench(t)
	stop := b.start()

	t.Run("claim without a class gets a directory on its node", func(t *testing.T) { directoryLife(b.in(t)) })
	t.Run("sized volume fills, grows in use and goes", func(t *testing.T) { sizedLife(b.in(t)) })
	t.Run("retained volume stays", func(t *testing.T) { retained(b.in(t)) })
	t.Run("volume deleted before its claim", func(t *testing.T) { deletedFirst(b.in(t)) })
	t.Run("unknown node is given back to the scheduler", func(t *testing.T) { unknownNode(b.in(t)) })
	t.Run("node that fails is given back to the scheduler", func(t *testing.T) { failingNode(b.in(t)) })
	t.Run("claim that no node can serve is left alone", func(t *testing.T) { refusedClaim(b.in(t)) })
	t.Run("claim of another is left alone", func(t *testing.T) { foreignClaim(b.in(t)) })
	t.Run("foreign path is never removed", func(t *testing.T) { foreignPath(b.in(t)) })
	t.Run("work of an ended provisioner is taken up", func(t *testing.T) { restarted(b.in(t), stop) })
}

// in returns the bench for a part of the test, so that a failure ends that part.
func (b *bench) in(t *testing.T) *bench {
	part := *b
	part.t, part.Gomega = t, patient(t)
	return &part
}

func (b *bench) grow(claim *corev1.PersistentVolumeClaim, size string) {
	b.Expect(b.Get(b.ctx, client.ObjectKeyFromObject(claim), claim)).To(Succeed())
	claim.Spec.Resources.Requests[corev1.ResourceStorage] = resource.MustParse(size)
	b.Expect(b.Update(b.ctx, claim)).To(Succeed())
	b.Eventually(func() (string, error) {
		err := b.Get(b.ctx, client.ObjectKeyFromObject(claim), claim)
		return claim.Status.Capacity.Storage().String(), err
	}).Should(Equal(size))
}

func directoryLife(b *bench) {
	claim := b.claim("plain", "", "1Gi", "node1")
	b.Expect(claim.Spec.StorageClassName).To(HaveValue(Equal(StandardClass)), "it is the default")
	pv := b.volume(claim)
	path := filepath.Join(b.dir, "node1", "pvc-"+string(claim.UID))
	b.Expect(pv.Spec.Local.Path).To(Equal(path))
	b.Expect(path).To(BeADirectory())
	b.Expect(pv.Spec.Capacity.Storage().String()).To(Equal("1Gi"))
	b.Expect(pv.Spec.AccessModes).To(Equal(claim.Spec.AccessModes))
	b.Expect(pv.Spec.ClaimRef.UID).To(Equal(claim.UID))
	b.Expect(pv.Spec.StorageClassName).To(Equal(StandardClass))
	b.Expect(pv.Spec.PersistentVolumeReclaimPolicy).To(Equal(corev1.PersistentVolumeReclaimDelete))
	term := pv.Spec.NodeAffinity.Required.NodeSelectorTerms[0].MatchExpressions[0]
	b.Expect(term.Key).To(Equal(corev1.LabelHostname))
	b.Expect(term.Values).To(Equal([]string{"host1"}), "the label, which need not be the node's name")
	b.Eventually(b.notes(claim, "ProvisioningSucceeded")).Should(ConsistOf(ContainSubstring("on node node1")))

	b.Expect(os.WriteFile(filepath.Join(path, "data"), []byte("x"), 0o600)).To(Succeed())
	b.bind(claim, pv)
	b.grow(claim, "3Gi")
	b.Expect(b.Get(b.ctx, client.ObjectKeyFromObject(pv), pv)).To(Succeed())
	b.Expect(pv.Spec.Capacity.Storage().String()).To(Equal("3Gi"))
	b.Eventually(b.notes(claim, "VolumeResizeSuccessful")).Should(ConsistOf(ContainSubstring("3Gi")))

	b.drop(claim, pv)
	b.Eventually(func() error { return b.unprotect(pv, pvProtection) }).Should(Succeed())
	b.Eventually(b.gone(pv)).Should(BeTrue())
	b.Expect(path).NotTo(BeAnExistingFile())
}

func sizedLife(b *bench) {
	claim := b.claim("sized", SizedClass, "20Mi", "node1")
	pv := b.volume(claim)
	b.Expect(pv.Spec.Capacity.Storage().String()).To(Equal("20Mi"))
	path := pv.Spec.Local.Path
	written, err := fill(filepath.Join(path, "full"))
	b.Expect(err).To(MatchError(syscall.ENOSPC))
	b.Expect(written).To(And(BeNumerically(">", 13*mebibyte), BeNumerically("<", 20*mebibyte)))

	b.bind(claim, pv)
	b.grow(claim, "40Mi")
	b.Expect(totalBytes(b, path)).To(BeNumerically(">=", 35*mebibyte))
	written, err = fill(filepath.Join(path, "more"))
	b.Expect(err).To(MatchError(syscall.ENOSPC))
	b.Expect(written).To(BeNumerically(">", 18*mebibyte))

	busy, err := os.Open(filepath.Join(path, "full"))
	b.Expect(err).NotTo(HaveOccurred())
	b.drop(claim, pv)
	b.Eventually(b.notes(pv, "VolumeFailedDelete")).Should(ContainElement(ContainSubstring("busy")))
	b.Expect(b.gone(pv)()).To(BeFalse())
	b.Expect(busy.Close()).To(Succeed())
	b.Eventually(func() error { return b.unprotect(pv, pvProtection) }).Should(Succeed())
	b.Eventually(b.gone(pv)).Should(BeTrue())
	b.Expect(path).NotTo(BeAnExistingFile())
	b.Expect(path + ".img").NotTo(BeAnExistingFile())
	b.Expect(mountsBelow(b.dir)).To(BeEmpty())
}

func retained(b *bench) {
	keeping := class("keeping", directory)
	keeping.ReclaimPolicy = ptr.To(corev1.PersistentVolumeReclaimRetain)
	b.Expect(b.Create(b.ctx, keeping)).To(Succeed())
	claim := b.claim("retained", "keeping", "1Gi", "node1")
	pv := b.volume(claim)
	b.bind(claim, pv)
	b.drop(claim, pv)
	b.Consistently(b.gone(pv)).Should(BeFalse())
	b.Expect(b.Delete(b.ctx, pv)).To(Succeed())
	b.Eventually(func() error { return b.unprotect(pv, pvProtection) }).Should(Succeed())
	b.Eventually(b.gone(pv)).Should(BeTrue())
	b.Expect(pv.Spec.Local.Path).To(BeADirectory())
}

func deletedFirst(b *bench) {
	claim := b.claim("first", "", "1Gi", "node1")
	pv := b.volume(claim)
	b.bind(claim, pv)
	b.Expect(b.Delete(b.ctx, pv)).To(Succeed())
	b.Consistently(b.gone(pv)).Should(BeFalse())
	b.Expect(pv.Spec.Local.Path).To(BeADirectory(), "a bound volume is never touched")
	b.Eventually(func() error { return b.unprotect(pv, pvProtection) }).Should(Succeed())
	b.Eventually(b.gone(pv)).Should(BeTrue())
	b.Expect(pv.Spec.Local.Path).NotTo(BeAnExistingFile())
}

// givenBack waits until the claim names no node any more, and checks that nothing was left.
func (b *bench) givenBack(claim *corev1.PersistentVolumeClaim, reason string) {
	b.Eventually(func() (map[string]string, error) {
		err := b.Get(b.ctx, client.ObjectKeyFromObject(claim), claim)
		return claim.Annotations, err
	}).ShouldNot(HaveKey(selectedNodeAnnotation))
	b.Expect(claim.Annotations).To(HaveKey(storageProvisionerKey))
	b.Expect(claim.Status.Phase).To(Equal(corev1.ClaimPending))
	b.Eventually(b.notes(claim, "ProvisioningFailed")).Should(ContainElement(ContainSubstring(reason)))
	left, err := filepath.Glob(filepath.Join(b.dir, "*", volumeName(claim)+"*"))
	b.Expect(err).NotTo(HaveOccurred())
	b.Expect(left).To(BeEmpty())
	pv := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: volumeName(claim)}}
	b.Expect(b.gone(pv)()).To(BeTrue())
}

// choose does what the scheduler does when it has found a node for the claim.
func (b *bench) choose(claim *corev1.PersistentVolumeClaim, node string) {
	claim.Annotations[selectedNodeAnnotation] = node
	b.Expect(b.Update(b.ctx, claim)).To(Succeed())
}

func unknownNode(b *bench) {
	claim := b.claim("unknown", "", "1Gi", "node9")
	b.givenBack(claim, "node node9 does not exist")
	b.choose(claim, "node1")
	b.Expect(b.volume(claim).Spec.Local.Path).To(ContainSubstring("/node1/"))
}

func failingNode(b *bench) {
	b.Expect(b.Create(b.ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Name: "node2", Labels: map[string]string{corev1.LabelHostname: "host2"},
	}})).To(Succeed())
	b.Expect(os.WriteFile(filepath.Join(b.dir, "node2"), nil, 0o600)).To(Succeed())
	claim := b.claim("failing", SizedClass, "16Mi", "node2")
	b.givenBack(claim, "making a volume on node node2")
	b.choose(claim, "node1")
	b.Expect(b.volume(claim).Spec.Local.Path).To(ContainSubstring("/node1/"))
}

func refusedClaim(b *bench) {
	shared := b.claim("shared", "", "1Gi", "")
	b.Expect(b.Delete(b.ctx, shared)).To(Succeed())
	b.Eventually(func() error { return b.unprotect(shared, "kubernetes.io/pvc-protection") }).Should(Succeed())
	shared = &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "shared", Annotations: shared.Annotations},
		Spec:       shared.Spec,
	}
	shared.Annotations[selectedNodeAnnotation] = "node1"
	shared.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany}
	b.Expect(b.Create(b.ctx, shared)).To(Succeed())
	b.Eventually(b.notes(shared, "ProvisioningFailed")).Should(ConsistOf(ContainSubstring("ReadWriteMany")))
	b.Expect(b.Get(b.ctx, client.ObjectKeyFromObject(shared), shared)).To(Succeed())
	b.Expect(shared.Annotations).To(HaveKey(selectedNodeAnnotation), "another node would not help")

	hasty := class("hasty", directory)
	hasty.VolumeBindingMode = ptr.To(storagev1.VolumeBindingImmediate)
	b.Expect(b.Create(b.ctx, hasty)).To(Succeed())
	immediate := b.claim("immediate", "hasty", "1Gi", "")
	b.Eventually(b.notes(immediate, "ProvisioningFailed")).Should(ConsistOf(ContainSubstring("WaitForFirstConsumer")))
}

func foreignClaim(b *bench) {
	claim := b.claim("foreign", "", "1Gi", "node1")
	ours := b.volume(claim)
	b.Expect(ours.Annotations).To(HaveKeyWithValue(provisionedByAnnotation, Provisioner))

	other := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "other", Annotations: map[string]string{
			storageProvisionerKey: "example.com/other", selectedNodeAnnotation: "node1",
		}},
		Spec: *claim.Spec.DeepCopy(),
	}
	waiting := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "waiting", Annotations: map[string]string{
			storageProvisionerKey: Provisioner,
		}},
		Spec: *claim.Spec.DeepCopy(),
	}
	b.Expect(b.Create(b.ctx, other)).To(Succeed())
	b.Expect(b.Create(b.ctx, waiting)).To(Succeed())
	b.Consistently(func(g Gomega) {
		for _, c := range []client.Object{other, waiting} {
			pv := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "pvc-" + string(c.GetUID())}}
			g.Expect(b.gone(pv)()).To(BeTrue(), c.GetName())
		}
	}).Should(Succeed())
}

func foreignPath(b *bench) {
	precious := filepath.Join(b.t.TempDir(), "node1", "forged")
	b.Expect(os.MkdirAll(precious, 0o755)).To(Succeed())
	claim := b.claim("forger", "", "1Gi", "")
	pv := newVolume(claim, class(StandardClass, directory),
		placement{hostname: "host1", path: precious, kind: directory, size: 1})
	pv.Name = "forged"
	b.Expect(b.Create(b.ctx, pv)).To(Succeed())
	b.phase(pv, corev1.VolumeReleased)
	b.Eventually(b.notes(pv, "VolumeFailed")).Should(ContainElement(ContainSubstring("is not below")))
	b.Expect(precious).To(BeADirectory())
}

// restarted ends the provisioner, puts the host into the state of a crash at several points, and starts it again.
func restarted(b *bench, stop func()) {
	mounted := b.claim("mounted", SizedClass, "16Mi", "node1")
	pv := b.volume(mounted)
	b.bind(mounted, pv)
	released := b.claim("released", "", "1Gi", "node1")
	releasedPV := b.volume(released)
	b.bind(released, releasedPV)
	stop()

	// A host that was restarted, a claim that wants more, and a claim whose volume was made without its object.
	file := filepath.Join(pv.Spec.Local.Path, "data")
	b.Expect(os.WriteFile(file, []byte("kept"), 0o600)).To(Succeed())
	b.Expect(unmount(pv.Spec.Local.Path)).To(Succeed())
	b.Expect(b.Get(b.ctx, client.ObjectKeyFromObject(mounted), mounted)).To(Succeed())
	mounted.Spec.Resources.Requests[corev1.ResourceStorage] = resource.MustParse("32Mi")
	b.Expect(b.Update(b.ctx, mounted)).To(Succeed())
	half := b.claim("half", SizedClass, "16Mi", "node1")
	d := disks{dir: b.dir}
	b.Expect(d.create(b.ctx, place{node: "node3", volume: volumeName(half)}, image, minImage)).To(Succeed())
	// A volume whose directory was removed and whose object was not.
	b.drop(released, releasedPV)
	b.Expect(os.RemoveAll(releasedPV.Spec.Local.Path)).To(Succeed())

	again := b.start()
	b.Eventually(func() (string, error) {
		err := b.Get(b.ctx, client.ObjectKeyFromObject(mounted), mounted)
		return mounted.Status.Capacity.Storage().String(), err
	}).Should(Equal("32Mi"))
	b.Expect(os.ReadFile(file)).To(Equal([]byte("kept")))
	b.Expect(totalBytes(b, pv.Spec.Local.Path)).To(BeNumerically(">=", 27*mebibyte))

	b.Expect(b.volume(half).Spec.Local.Path).To(Equal(d.path(place{node: "node1", volume: volumeName(half)})))
	b.Expect(mountsBelow(filepath.Join(b.dir, "node3"))).To(BeEmpty())

	b.Eventually(func() error { return b.unprotect(releasedPV, pvProtection) }).Should(Succeed())
	b.Eventually(b.gone(releasedPV)).Should(BeTrue())
	again()
}
