//! Others' code checks what the program exports: `signed_note` the signature, `tlog_tiles` tree, proofs and records.

use std::path::{Path, PathBuf};

use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::{
    Checkpoint, Error, HashReader as _, Tile, TileHashReader, TileReader, check_record, check_tree,
    prove_record, prove_tree, record_hash, stored_hash_index, tree_hash,
};

use crate::audit::Log;
use crate::world::keyward;

/// A folder of tiles, as a server of files would serve it.
struct Tiles(PathBuf);

impl TileReader for Tiles {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        // The crate names tiles as Go's checksum database does, with their height.
        let file = |tile: &Tile| self.0.join(tile.path().replacen("tile/8/", "tile/", 1));
        Ok(tiles.iter().map(|tile| std::fs::read(file(tile)).unwrap()).collect())
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

fn opened(note: &str, key: &str) -> Checkpoint {
    let note = Note::from_bytes(note.as_bytes()).unwrap();
    let verifier = StandardVerifier::new(key.trim_end()).unwrap();
    let (signatures, _) = note.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap();
    assert_eq!(signatures.len(), 1);
    Checkpoint::from_bytes(note.text()).unwrap()
}

fn bundle(folder: &Path, size: u64) -> Vec<Vec<u8>> {
    assert!(size < 256);
    let bytes = std::fs::read(folder.join(format!("tile/entries/000.p/{size}"))).unwrap();
    let (mut rest, mut records) = (bytes.as_slice(), Vec::new());
    while let Some((length, tail)) = rest.split_first_chunk::<2>() {
        let (record, tail) = tail.split_at(u16::from_be_bytes(*length).into());
        records.push(record.to_vec());
        rest = tail;
    }
    records
}

#[test]
fn tools_of_others_open_checkpoints_tiles_and_proofs() {
    let log = Log::new();
    let (data, folder) = (log.data().display().to_string(), log.path("tiles"));
    let key = keyward(&["audit", "key", "--data", &data]);
    keyward(&["audit", "export", "--data", &data, "--tiles", folder.to_str().unwrap()]);
    let checkpoint = opened(&std::fs::read_to_string(folder.join("checkpoint")).unwrap(), &key);
    assert_eq!((checkpoint.origin(), checkpoint.size()), ("keyward/audit", log.size));

    let (size, root, tiles) = (checkpoint.size(), *checkpoint.hash(), Tiles(folder.clone()));
    let reader = TileHashReader::new(size, root, &tiles);
    assert_eq!(tree_hash(size, &reader).unwrap(), root);
    let records = bundle(&folder, size);
    assert_eq!(records.len() as u64, size);
    for (index, record) in (0_u64..).zip(&records) {
        let stored = reader.read_hashes(&[stored_hash_index(0, index)]).unwrap();
        assert_eq!(stored, [record_hash(record)], "record {}", index + 1);
        check_record(&prove_record(size, index, &reader).unwrap(), size, root, index, stored[0]).unwrap();
    }
    for old in 1..=size {
        let before = tree_hash(old, &reader).unwrap();
        check_tree(&prove_tree(size, old, &reader).unwrap(), size, root, old, before).unwrap();
    }

    for n in [1, 2, size / 2, size] {
        let proof = keyward(&["audit", "prove", "--data", &data, &n.to_string(), "--json"]);
        let proof: serde_json::Value = serde_json::from_str(&proof).unwrap();
        let text = |name: &str| proof[name].as_str().unwrap().to_owned();
        let checkpoint = opened(&text("checkpoint"), &key);
        let path = proof["path"].as_array().unwrap().iter();
        let path: Vec<_> =
            path.map(|hash| tlog_tiles::Hash::parse_hash(hash.as_str().unwrap()).unwrap()).collect();
        let leaf = record_hash(text("record").as_bytes());
        check_record(&path, checkpoint.size(), *checkpoint.hash(), n - 1, leaf).unwrap();
        let file = keyward(&["audit", "prove", "--data", &data, &n.to_string()]);
        let (head, note) = file.split_once("\n\n").unwrap();
        assert_eq!(opened(note, &key).size(), size);
        let lines: Vec<&str> = head.lines().collect();
        assert_eq!((lines[0], lines[2]), ("c2sp.org/tlog-proof@v1", format!("index {}", n - 1).as_str()));
        assert!(lines[1].starts_with("extra ") && lines.len() == 3 + path.len());
    }
}

#[test]
fn lines_hold_every_record_once() {
    let log = Log::new();
    let data = log.data().display().to_string();
    let lines = keyward(&["audit", "export", "--data", &data]);
    let read: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let numbers: Vec<u64> = read.iter().map(|record| record["n"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=log.size).collect::<Vec<_>>());
    assert!(read.iter().all(|record| record["actor"].is_string() && record["facts"].is_object()));
    let csv = keyward(&["audit", "export", "--data", &data, "--format", "csv", "--from", "2", "--to", "4"]);
    assert_eq!(csv.lines().count(), 4, "{csv}");
    assert!(csv.starts_with("\"n\",\"at\",\"actor\"") && csv.contains("\r\n\"2\",\""), "{csv}");
}
