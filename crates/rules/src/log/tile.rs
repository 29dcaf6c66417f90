//! Tiles (c2sp.org/tlog-tiles): the tree and its records as a folder of files that never change.

use super::tree::stored_index;

/// Hashes in a full tile.
const WIDTH: u64 = 256;

/// A tile of the tree: up to 256 hashes side by side, each over `256^level` leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tile {
    level: u32,
    index: u64,
    width: u64,
}

/// A record that does not fit the format.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a record has more than 65,535 bytes, which tiles cannot hold; export it as JSON lines")]
pub struct EntryTooLong;

impl Tile {
    /// All tiles of a tree of `size` leaves, level by level.
    #[must_use]
    pub fn all(size: u64) -> Vec<Self> {
        let (mut tiles, mut level, mut hashes) = (Vec::new(), 0, size);
        while hashes > 0 {
            let full = (0..hashes / WIDTH).map(|index| Self { level, index, width: WIDTH });
            tiles.extend(full);
            if !hashes.is_multiple_of(WIDTH) {
                tiles.push(Self { level, index: hashes / WIDTH, width: hashes % WIDTH });
            }
            level += 1;
            hashes /= WIDTH;
        }
        tiles
    }

    /// Where it lies, under the log's folder.
    #[must_use]
    pub fn path(&self) -> String {
        format!("tile/{}/{}", self.level, self.place())
    }

    /// Where its records lie; `None` above the lowest level.
    #[must_use]
    pub fn entries_path(&self) -> Option<String> {
        (self.level == 0).then(|| format!("tile/entries/{}", self.place()))
    }

    /// The stored hashes that it consists of, in order.
    pub fn stored(self) -> impl Iterator<Item = u64> {
        (0..self.width).map(move |at| stored_index(self.level * 8, self.index * WIDTH + at))
    }

    /// Its leaves, the first and how many; only of the lowest level.
    #[must_use]
    pub const fn leaves(&self) -> (u64, u64) {
        (self.index * WIDTH, self.width)
    }

    /// Groups of three digits, all but the last behind an `x`; the width behind a partial tile.
    fn place(&self) -> String {
        let (mut place, mut rest) = (format!("{:03}", self.index % 1_000), self.index / 1_000);
        while rest > 0 {
            place = format!("x{:03}/{place}", rest % 1_000);
            rest /= 1_000;
        }
        if self.width < WIDTH { format!("{place}.p/{}", self.width) } else { place }
    }
}

/// A record as a bundle holds it: its length in two bytes, then itself.
///
/// # Errors
/// [`EntryTooLong`].
pub fn entry(record: &[u8]) -> Result<Vec<u8>, EntryTooLong> {
    let length = u16::try_from(record.len()).map_err(|_| EntryTooLong)?;
    Ok([length.to_be_bytes().as_slice(), record].concat())
}

#[cfg(test)]
mod tests {
    use super::Tile;

    #[test]
    fn a_tree_is_cut_as_the_specification_says() {
        let count = |level, width| {
            let all = Tile::all(70_000);
            all.iter().filter(|tile| tile.level == level && tile.width == width).count()
        };
        assert_eq!(
            (count(0, 256), count(0, 112), count(1, 256), count(1, 17), count(2, 1)),
            (273, 1, 1, 1, 1)
        );
        assert_eq!(Tile::all(70_000).len(), 277);
        let paths: Vec<String> = Tile::all(256).iter().map(Tile::path).collect();
        assert_eq!(paths, ["tile/0/000", "tile/1/000.p/1"]);
        assert!(Tile::all(0).is_empty());
    }

    #[test]
    fn places_are_groups_of_three_digits() {
        let tile = Tile { level: 0, index: 1_234_067, width: 256 };
        assert_eq!(tile.entries_path().as_deref(), Some("tile/entries/x001/x234/067"));
        assert_eq!(Tile { width: 5, level: 2, ..tile }.path(), "tile/2/x001/x234/067.p/5");
    }
}
