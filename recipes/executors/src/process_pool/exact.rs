// SPDX-License-Identifier: 0BSD
//! Finds values that JSON would change: NaN and the infinities, which become `null`, and `Some` of a value written as
//! `null`, which becomes `None`.

use serde::ser::{
    Error as _, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use serde_json::Error;

/// # Errors
///
/// If `value` would arrive as another value.
pub(super) fn check(value: &impl Serialize) -> Result<(), Error> {
    value.serialize(Check).map(|_is_null| ())
}

/// Writes no output. Its result is whether the value is written as `null`.
struct Check;

const OTHER: Result<bool, Error> = Ok(false);
const NULL: Result<bool, Error> = Ok(true);

fn float(is_finite: bool) -> Result<bool, Error> {
    if is_finite { OTHER } else { Err(Error::custom("JSON has no NaN and no infinity")) }
}

impl Serializer for Check {
    type Ok = bool;
    type Error = Error;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    fn serialize_f32(self, value: f32) -> Result<bool, Error> {
        float(value.is_finite())
    }
    fn serialize_f64(self, value: f64) -> Result<bool, Error> {
        float(value.is_finite())
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<bool, Error> {
        match value.serialize(self)? {
            true => Err(Error::custom("in JSON this `Some` would be `None`")),
            false => OTHER,
        }
    }
    fn serialize_none(self) -> Result<bool, Error> {
        NULL
    }
    fn serialize_unit(self) -> Result<bool, Error> {
        NULL
    }
    fn serialize_unit_struct(self, _name: &'static str) -> Result<bool, Error> {
        NULL
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<bool, Error> {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        value: &T,
    ) -> Result<bool, Error> {
        value.serialize(self).and(OTHER)
    }

    fn serialize_bool(self, _: bool) -> Result<bool, Error> {
        OTHER
    }
    fn serialize_i8(self, _: i8) -> Result<bool, Error> {
        OTHER
    }
    fn serialize_i16(self, _: i16) -> Result<bool, Error> {
        OTHER
    }
    fn serialize_i32(self, _: i32) -> Result<bool, Error> {
        OTHER
    }
    fn serialize_i64(self, _: i64) -> Result<bool, Error> {
        OTHER
    }
    fn serialize_i128(self, _: i128) -> Result<bool, Error> {
        OTHER
    }
    fn serialize_u8(self, _: u8) -> Result<bool, Error> {
        OTHER
    }
    fn serialize_u16(self, _: u16) -> Result<bool, Error> {
        OTHER
    }
    fn serialize_u32(self, _: u32) -> Result<bool, Error> {
        OTHER
    }
    fn serialize_u64(self, _: u64) -> Result<bool, Error> {
        OTHER
    }
    fn serialize_u128(self, _: u128) -> Result<bool, Error> {
        OTHER
    }
    fn serialize_char(self, _: char) -> Result<bool, Error> {
        OTHER
    }
    fn serialize_str(self, _: &str) -> Result<bool, Error> {
        OTHER
    }
    fn serialize_bytes(self, _: &[u8]) -> Result<bool, Error> {
        OTHER
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<bool, Error> {
        OTHER
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Error> {
        Ok(self)
    }
    fn serialize_tuple(self, _: usize) -> Result<Self, Error> {
        Ok(self)
    }
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Error> {
        Ok(self)
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Error> {
        Ok(self)
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Self, Error> {
        Ok(self)
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Error> {
        Ok(self)
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Error> {
        Ok(self)
    }
}

/// Checks one part of a value.
fn part<T: Serialize + ?Sized>(value: &T) -> Result<(), Error> {
    value.serialize(Check).map(|_is_null| ())
}

impl SerializeSeq for Check {
    type Ok = bool;
    type Error = Error;
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        part(value)
    }
    fn end(self) -> Result<bool, Error> {
        OTHER
    }
}

impl SerializeTuple for Check {
    type Ok = bool;
    type Error = Error;
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        part(value)
    }
    fn end(self) -> Result<bool, Error> {
        OTHER
    }
}

impl SerializeTupleStruct for Check {
    type Ok = bool;
    type Error = Error;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        part(value)
    }
    fn end(self) -> Result<bool, Error> {
        OTHER
    }
}

impl SerializeTupleVariant for Check {
    type Ok = bool;
    type Error = Error;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        part(value)
    }
    fn end(self) -> Result<bool, Error> {
        OTHER
    }
}

impl SerializeMap for Check {
    type Ok = bool;
    type Error = Error;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        part(key)
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        part(value)
    }
    fn end(self) -> Result<bool, Error> {
        OTHER
    }
}

impl SerializeStruct for Check {
    type Ok = bool;
    type Error = Error;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Result<(), Error> {
        part(value)
    }
    fn end(self) -> Result<bool, Error> {
        OTHER
    }
}

impl SerializeStructVariant for Check {
    type Ok = bool;
    type Error = Error;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Result<(), Error> {
        part(value)
    }
    fn end(self) -> Result<bool, Error> {
        OTHER
    }
}
