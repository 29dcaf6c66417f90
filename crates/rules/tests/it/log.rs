//! Trees and proofs equal those of `ct-merkle`, which shares no code with ours; notes open for their key only.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use keyward_rules::log::{
    Checkpoint, Frontier, Hash, NotACheckpoint, NotSigned, Origin, SigningKey, Span, VerifierKey,
    check_consistency, check_inclusion, consistency, fold, grown, inclusion, siblings, split_index,
    stored_count, stored_index,
};
use proptest::prelude::*;
use sha2::Sha256;

/// Both logs over the same records, ours as storage would hold it.
struct Pair {
    stored: Vec<Hash>,
    frontier: Frontier,
    other: MemoryBackedTree<Sha256, Vec<u8>>,
    roots: Vec<Hash>,
}

fn records(size: u64) -> Vec<Vec<u8>> {
    (0..size).map(|n| format!("{{\"n\":\"{n}\"}}").into_bytes()).collect()
}

impl Pair {
    fn of(size: u64) -> Self {
        let mut pair = Self {
            stored: Vec::new(),
            frontier: Frontier::default(),
            other: MemoryBackedTree::new(),
            roots: vec![Frontier::default().root()],
        };
        for (n, record) in (0_u64..).zip(records(size)) {
            let leaf = Hash::of_leaf(&record);
            let beside: Vec<Hash> = siblings(n).map(|at| pair.at(at)).collect();
            let all = grown(leaf, &beside);
            assert_eq!(all, pair.frontier.push(leaf));
            assert_eq!(pair.stored.len() as u64, stored_count(n));
            pair.stored.extend(all);
            pair.other.push(record);
            pair.roots.push(pair.frontier.root());
        }
        pair
    }

    fn at(&self, index: u64) -> Hash {
        self.stored[usize::try_from(index).unwrap()]
    }

    fn hash(&self, span: Span) -> Hash {
        let parts: Vec<Hash> = span.stored().into_iter().map(|index| self.at(index)).collect();
        fold(&parts)
    }

    fn proof(&self, spans: Option<Vec<Span>>) -> Vec<Hash> {
        spans.unwrap().into_iter().map(|span| self.hash(span)).collect()
    }
}

fn joined(proof: &[Hash]) -> Vec<u8> {
    proof.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

fn root_of(hash: Hash, size: u64) -> RootHash<Sha256> {
    RootHash::new((*hash.as_bytes()).into(), size)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn roots_are_the_same(size in 0_u64..700) {
        let pair = Pair::of(size);
        prop_assert_eq!(*pair.frontier.root().as_bytes(), <[u8; 32]>::from(*pair.other.root().as_bytes()));
        prop_assert_eq!(pair.hash(Span::tree(size)), pair.frontier.root());
    }

    #[test]
    fn inclusion_proofs_are_the_same_and_check(size in 1_u64..700, pick in any::<prop::sample::Index>()) {
        let pair = Pair::of(size);
        let at = pick.index(usize::try_from(size).unwrap());
        let n = at as u64;
        let proof = pair.proof(inclusion(size, n));
        let theirs = pair.other.prove_inclusion(at);
        prop_assert_eq!(joined(&proof), theirs.as_bytes());
        let ours = InclusionProof::<Sha256>::try_from_bytes(joined(&proof)).unwrap();
        let record = records(size).swap_remove(at);
        pair.other.root().verify_inclusion(&record, n, &ours).unwrap();
        let (leaf, root) = (Hash::of_leaf(&record), pair.frontier.root());
        prop_assert!(check_inclusion(&proof, n, leaf, size, root).is_ok());
        prop_assert!(check_inclusion(&proof, n, Hash::of_leaf(b"other"), size, root).is_err());
        prop_assert!(check_inclusion(&proof, n, leaf, size, Hash::of_leaf(b"other")).is_err());
        prop_assert!(check_inclusion(&proof, size, leaf, size, root).is_err());
        if size > 1 {
            prop_assert!(check_inclusion(&proof[1..], n, leaf, size, root).is_err());
            prop_assert!(check_inclusion(&[proof.clone(), vec![root]].concat(), n, leaf, size, root).is_err());
        }
    }

    #[test]
    fn consistency_proofs_are_the_same_and_check(old in 1_u64..500, more in 0_u64..200) {
        let (pair, size) = (Pair::of(old + more), old + more);
        let proof = pair.proof(consistency(old, size));
        let theirs = pair.other.prove_consistency(usize::try_from(more).unwrap());
        prop_assert_eq!(joined(&proof), theirs.as_bytes());
        let (before, after) = (pair.roots[usize::try_from(old).unwrap()], pair.frontier.root());
        let ours = ConsistencyProof::<Sha256>::try_from_bytes(joined(&proof)).unwrap();
        pair.other.root().verify_consistency(&root_of(before, old), &ours).unwrap();
        prop_assert!(check_consistency(&proof, (old, before), (size, after)).is_ok());
        let other = Hash::of_leaf(b"other");
        prop_assert!(check_consistency(&proof, (old, other), (size, after)).is_err());
        prop_assert!(check_consistency(&proof, (old, before), (size, other)).is_err());
        prop_assert!(check_consistency(&proof, (old + more + 1, before), (size, after)).is_err());
    }

    #[test]
    fn every_number_in_storage_is_one_subtree(index in 0_u64..1_000_000_000) {
        let (level, n) = split_index(index);
        prop_assert_eq!(stored_index(level, n), index);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,80}", lines in prop::collection::vec("[a-z/+=— 0-9]{0,20}", 0..8)) {
        let _ = VerifierKey::parse(&text);
        let _ = Checkpoint::open_any_name(&lines.join("\n"), key("log").verifier());
    }
}

fn key(name: &str) -> SigningKey {
    SigningKey::from_seed(Origin::parse(name).unwrap(), &[7; 32]).unwrap()
}

fn checkpoint(name: &str) -> Checkpoint {
    Checkpoint { origin: Origin::parse(name).unwrap(), size: 3, root: Hash::of_leaf(b"x") }
}

#[test]
fn a_checkpoint_opens_for_its_key_and_name_only() {
    let (ours, note) = (key("a.example/log"), checkpoint("a.example/log").sign(&key("a.example/log")));
    assert_eq!(Checkpoint::open(&note, ours.verifier()), Ok(checkpoint("a.example/log")));
    let other = SigningKey::from_seed(Origin::parse("a.example/log").unwrap(), &[8; 32]).unwrap();
    let refused = |note: &str, key: &SigningKey| Checkpoint::open(note, key.verifier()).unwrap_err();
    assert_eq!(refused(&note, &other), NotACheckpoint::Signature(NotSigned::OtherKey));
    assert_eq!(refused(&note, &key("b.example/log")), NotACheckpoint::Signature(NotSigned::OtherKey));
    let larger = note.replacen("\n3\n", "\n4\n", 1);
    assert_eq!(refused(&larger, &ours), NotACheckpoint::Signature(NotSigned::BadSignature));
    for odd in [note.trim_end(), "", "\n\n", &note.replace("\n\n", "\n"), &note.replace('\n', "\r\n")] {
        assert_eq!(refused(odd, &ours), NotACheckpoint::Signature(NotSigned::Form), "{odd:?}");
    }
    let foreign = checkpoint("b.example/log").sign(&ours);
    assert_eq!(refused(&foreign, &ours), NotACheckpoint::Form, "the first line names another log");
    let renamed = checkpoint("b.example/log").sign(&key("b.example/log"));
    assert!(Checkpoint::open_any_name(&renamed, ours.verifier()).is_ok());
    let beside = format!("{note}— witness.example AAAAAAAA\n");
    assert!(Checkpoint::open(&beside, ours.verifier()).is_ok(), "other signatures are passed over");
}

#[test]
fn keys_and_names_have_one_spelling() {
    let text = key("a.example/log").verifier().to_string();
    assert_eq!(VerifierKey::parse(&text).unwrap().to_string(), text);
    for odd in [&text[1..], &text[..text.len() - 1], &text.replacen('+', "+0", 1), "a+b", ""] {
        assert!(VerifierKey::parse(odd).is_err(), "{odd}");
    }
    for odd in ["", "a b", "a+b", "a\u{a0}b", "a\n", "\u{200b}", &"a".repeat(256)] {
        assert!(Origin::parse(odd).is_err(), "{odd:?}");
    }
}
