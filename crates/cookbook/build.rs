//! A new file in a folder that the binary carries is a reason to build it again.

fn main() {
    for carried in ["recipes", "tests"] {
        println!("cargo::rerun-if-changed=../../{carried}");
    }
}
