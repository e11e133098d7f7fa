"""OFAC's XML lists: addresses, who they belong to, the programmes and, in the advanced file alone, since when.

Structure and ids are those of the published files (`sdn_advanced_notes.pdf`, SDN.XML of 2026), shortened to what
is read and a little of what is not.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.intel.formats import sdn_csv, sdn_xml
from adapters.intel.found import Unreadable
from adapters.intel.xmlrecords import records
from tests.adapters.formats.draining import drain, reasons

REFERENCES = """
  <ReferenceValueSets>
    <FeatureTypeValues>
      <FeatureType ID="8" FeatureTypeGroupID="1">Birthdate</FeatureType>
      <FeatureType ID="344" FeatureTypeGroupID="1">Digital Currency Address - XBT</FeatureType>
      <FeatureType ID="345" FeatureTypeGroupID="1">Digital Currency Address - ETH</FeatureType>
    </FeatureTypeValues>
    <ListValues><List ID="1550">SDN List</List><List ID="91512">Consolidated List</List></ListValues>
    <NamePartTypeValues>
      <NamePartType ID="1520">Last Name</NamePartType>
      <NamePartType ID="1521">First Name</NamePartType>
      <NamePartType ID="1525">Entity Name</NamePartType>
    </NamePartTypeValues>
    <SanctionsTypeValues>
      <SanctionsType ID="1">Program</SanctionsType>
      <SanctionsType ID="1705">Block</SanctionsType>
    </SanctionsTypeValues>
  </ReferenceValueSets>
  <Locations><Location ID="501"><LocationCountry CountryID="11029" /></Location></Locations>"""

LAZARUS = """
    <DistinctParty FixedRef="27307">
      <Comment />
      <Profile ID="27307" PartySubTypeID="3">
        <Identity ID="19011" FixedRef="27307" Primary="true" False="false">
          <Alias FixedRef="27307" AliasTypeID="1400" Primary="false" LowQuality="true">
            <DocumentedName ID="37271" FixedRef="27307" DocNameStatusID="2"><DocumentedNamePart>
              <NamePartValue NamePartGroupID="72499">HIDDEN COBRA</NamePartValue>
            </DocumentedNamePart></DocumentedName>
          </Alias>
          <Alias FixedRef="27307" AliasTypeID="1403" Primary="true" LowQuality="false">
            <DocumentedName ID="37142" FixedRef="27307" DocNameStatusID="1"><DocumentedNamePart>
              <NamePartValue NamePartGroupID="72465">LAZARUS GROUP</NamePartValue>
            </DocumentedNamePart></DocumentedName>
          </Alias>
          <NamePartGroups><MasterNamePartGroup>
            <NamePartGroup ID="72465" NamePartTypeID="1525" />
          </MasterNamePartGroup></NamePartGroups>
        </Identity>
        <Feature ID="50215" FeatureTypeID="345">
          <FeatureVersion ID="47914" ReliabilityID="1560">
            <Comment />
            <VersionDetail DetailTypeID="1432">0x098B716B8Aaf21512996dC57EB0615e2383E2f96</VersionDetail>
          </FeatureVersion>
          <IdentityReference IdentityID="19011" IdentityFeatureLinkTypeID="1" />
        </Feature>
      </Profile>
    </DistinctParty>"""

GHORBANIYAN = """
    <DistinctParty FixedRef="26138">
      <Profile ID="26138" PartySubTypeID="4">
        <Identity ID="17961" FixedRef="26138" Primary="true" False="false">
          <Alias FixedRef="26138" AliasTypeID="1403" Primary="true" LowQuality="false">
            <DocumentedName ID="35751" FixedRef="26138" DocNameStatusID="2"><DocumentedNamePart>
              <NamePartValue NamePartGroupID="70101">Ghorbani\u0101n</NamePartValue>
            </DocumentedNamePart></DocumentedName>
            <DocumentedName ID="35750" FixedRef="26138" DocNameStatusID="1">
              <DocumentedNamePart>
                <NamePartValue NamePartGroupID="70101">GHORBANIYAN</NamePartValue>
              </DocumentedNamePart>
              <DocumentedNamePart>
                <NamePartValue NamePartGroupID="70102">Mohammad</NamePartValue>
              </DocumentedNamePart>
            </DocumentedName>
          </Alias>
          <NamePartGroups>
            <MasterNamePartGroup><NamePartGroup ID="70101" NamePartTypeID="1520" /></MasterNamePartGroup>
            <MasterNamePartGroup><NamePartGroup ID="70102" NamePartTypeID="1521" /></MasterNamePartGroup>
          </NamePartGroups>
        </Identity>
        <Feature ID="26091" FeatureTypeID="8">
          <FeatureVersion ID="22011"><DatePeriod CalendarTypeID="1" /></FeatureVersion>
        </Feature>
        <Feature ID="26092" FeatureTypeID="344">
          <FeatureVersion ID="22012" ReliabilityID="1560">
            <VersionDetail DetailTypeID="1432">1AjZPMsnmpdK2Rv9KQNfMurTXinscVro9V</VersionDetail>
          </FeatureVersion>
        </Feature>
      </Profile>
    </DistinctParty>"""


def entry(profile: int, day: str, *programmes: str, list_id: int = 1550) -> str:
    """A SanctionsEntry: when, and under which programmes."""
    year, month, date = (
        f"<{name}>{int(part)}</{name}>" if part else ""
        for name, part in zip(("Year", "Month", "Day"), day.split("-"), strict=True)
    )
    measures = "".join(
        f'<SanctionsMeasure ID="{profile}{i}" SanctionsTypeID="1"><Comment>{programme}</Comment></SanctionsMeasure>'
        for i, programme in enumerate(programmes)
    )
    return (
        f'<SanctionsEntry ID="{profile}" ProfileID="{profile}" ListID="{list_id}">'
        f'<EntryEvent ID="{profile}" EntryEventTypeID="1" LegalBasisID="1822"><Comment />'
        f'<Date CalendarTypeID="1">{year}{month}{date}</Date></EntryEvent>'
        f'<SanctionsMeasure ID="{profile}9" SanctionsTypeID="1705"><Comment>no programme</Comment></SanctionsMeasure>'
        f"{measures}</SanctionsEntry>"
    )


def advanced(parties: str, entries: str = "", references: str = REFERENCES) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<Sanctions Version="3" xmlns="https://sanctionslistservice.ofac.treas.gov'
        '/api/PublicationPreview/exports/ADVANCED_XML">\n  <DateOfIssue CalendarTypeID="1"><Year>2024</Year>'
        f"<Month>3</Month><Day>20</Day></DateOfIssue>{references}\n  <DistinctParties>{parties}\n  </DistinctParties>"
        f"\n  <SanctionsEntries>{entries}</SanctionsEntries>\n</Sanctions>\n"
    )


BOTH = advanced(
    GHORBANIYAN + LAZARUS,
    entry(27307, "2019-09-13", "DPRK3", "CAATSA - RUSSIA") + entry(26138, "2018-11-28", "CYBER2"),
)


class TestAdvanced:
    def test_an_address_has_its_designation(self) -> None:
        rows, found = drain(sdn_xml, BOTH, "SDN_ADVANCED.XML")
        assert rows[1][1] == {
            "currency": "ETH",
            "address": "0x098B716B8Aaf21512996dC57EB0615e2383E2f96",
            "label": "LAZARUS GROUP",
            "category": "sanction",
            "confidence": "authority_data",
            "subject": "ofac:27307",
            "programme": "CAATSA-RUSSIA DPRK3",
            "designated_at": "2019-09-13",
            "source": "https://www.treasury.gov/ofac/downloads/sanctions/1.0/sdn_advanced.xml",
        }
        assert (found.about.list, found.about.whole, found.about.entries) == ("ofac-sdn", True, 2)
        assert found.about.published == "2024-03-20"
        assert not found.rejections

    def test_lines_are_those_of_the_addresses(self) -> None:
        rows, _ = drain(sdn_xml, BOTH, "SDN_ADVANCED.XML")
        texts = BOTH.splitlines()
        assert all(row["address"] in texts[line - 1] for line, row in rows)

    def test_a_person_is_named_as_in_sdn_csv(self) -> None:
        """The list is one, in whatever form it comes: what is known to be the same must read the same."""
        rows, _ = drain(sdn_xml, BOTH, "SDN_ADVANCED.XML")
        line = '26138,"GHORBANIYAN, Mohammad","individual","CYBER2",' + "-0- ," * 7
        line += '"Digital Currency Address - XBT 1AjZPMsnmpdK2Rv9KQNfMurTXinscVro9V."'
        other, _ = drain(sdn_csv, line, "sdn.csv")
        told_alike = ("currency", "address", "label", "category", "confidence", "subject", "programme")
        assert {n: rows[0][1][n] for n in told_alike} == {n: other[0][1][n] for n in told_alike}

    def test_the_first_of_several_designations_counts(self) -> None:
        text = advanced(LAZARUS, entry(27307, "2022-05-06", "CYBER2") + entry(27307, "2019-09-13", "DPRK3"))
        row = drain(sdn_xml, text, "SDN_ADVANCED.XML")[0][0][1]
        assert (row["designated_at"], row["programme"]) == ("2019-09-13", "CYBER2 DPRK3")

    @pytest.mark.parametrize("entries", ["", entry(27307, "2019-09-"), entry(27307, "2019-02-30")])
    def test_an_address_without_a_whole_date_of_designation_stays(self, entries: str) -> None:
        rows, found = drain(sdn_xml, advanced(LAZARUS, entries), "SDN_ADVANCED.XML")
        assert [row["designated_at"] for _, row in rows] == [""]
        assert not found.rejections

    def test_the_consolidated_list_is_told_by_its_entries(self) -> None:
        text = advanced(LAZARUS, entry(27307, "2019-09-13", "NS-MBS", list_id=91512))
        rows, found = drain(sdn_xml, text, "renamed.xml")
        assert found.about.list == "ofac-consolidated"
        assert rows[0][1]["source"].endswith("cons_advanced.xml")

    def test_a_feature_that_names_no_address_is_rejected_with_its_line(self) -> None:
        empty = LAZARUS.replace("0x098B716B8Aaf21512996dC57EB0615e2383E2f96", " ")
        rows, found = drain(sdn_xml, advanced(empty), "SDN_ADVANCED.XML")
        assert rows == []
        (line,) = reasons(found)
        assert '<Feature ID="50215"' in advanced(empty).splitlines()[line - 1]

    @pytest.mark.parametrize("kind", ["Digital Currency Address -", "Digital currency addresses"])
    def test_a_feature_type_without_a_ticker_is_rejected(self, kind: str) -> None:
        references = REFERENCES.replace("Digital Currency Address - ETH", kind)
        rows, found = drain(sdn_xml, advanced(LAZARUS, references=references), "SDN_ADVANCED.XML")
        assert (len(rows), len(found.rejections)) == (0, 1)

    def test_a_feature_of_a_type_that_nothing_explains_is_rejected(self) -> None:
        text = advanced(LAZARUS.replace('FeatureTypeID="345"', 'FeatureTypeID="999"'))
        rows, found = drain(sdn_xml, text, "SDN_ADVANCED.XML")
        assert (len(rows), len(found.rejections)) == (0, 1)

    def test_a_party_before_what_explains_it_is_refused(self) -> None:
        with pytest.raises(Unreadable, match="before the FeatureTypeValues"):
            drain(sdn_xml, advanced(LAZARUS, references=""), "SDN_ADVANCED.XML")


SIMPLE = """<?xml version="1.0" standalone="yes"?>
<sdnList xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns="https://sanctionslistservice.ofac.treas.gov/api/PublicationPreview/exports/XML">
  <publshInformation>
    <Publish_Date>09/29/2026</Publish_Date>
    <Record_Count>2</Record_Count>
  </publshInformation>
  <sdnEntry>
    <uid>36</uid>
    <lastName>AEROCARIBBEAN AIRLINES</lastName>
    <sdnType>Entity</sdnType>
    <programList><program>CUBA</program></programList>
  </sdnEntry>
  <sdnEntry>
    <uid>57118</uid>
    <firstName>Rodrigo</firstName>
    <lastName>ALARCON PALOMARES</lastName>
    <sdnType>Individual</sdnType>
    <programList>
      <program>ILLICIT-DRUGS-EO14059</program>
    </programList>
    <idList>
      <id><uid>196726</uid><idType>Gender</idType><idNumber>Male</idNumber></id>
      <id>
        <uid>196727</uid>
        <idType>Digital Currency Address - ETH</idType>
        <idNumber>
          0xaC4cC4B68ea24BbFAAC8fD127B67Ed445ACcCE22
        </idNumber>
      </id>
    </idList>
  </sdnEntry>
</sdnList>
"""


class TestSimple:
    def test_an_address_has_its_party_and_no_date(self) -> None:
        rows, found = drain(sdn_xml, SIMPLE.replace("\n", "\r\n"), "SDN.XML")
        assert rows == [
            (
                23,
                {
                    "currency": "ETH",
                    "address": "0xaC4cC4B68ea24BbFAAC8fD127B67Ed445ACcCE22",
                    "label": "ALARCON PALOMARES, Rodrigo",
                    "category": "sanction",
                    "confidence": "authority_data",
                    "subject": "ofac:57118",
                    "programme": "ILLICIT-DRUGS-EO14059",
                    "source": "https://www.treasury.gov/ofac/downloads/sdn.xml",
                },
            )
        ]
        assert (found.about.list, found.about.published, found.about.entries) == ("ofac-sdn", "2026-09-29", 2)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("0xaC4cC4B68ea24BbFAAC8fD127B67Ed445ACcCE22", ""),
            ("Digital Currency Address - ETH", "Digital Currency Address"),
        ],
    )
    def test_an_id_that_gives_no_address_is_rejected(self, old: str, new: str) -> None:
        rows, found = drain(sdn_xml, SIMPLE.replace(old, new), "SDN.XML")
        assert (rows, list(reasons(found))) == ([], [23])

    def test_the_consolidated_list_is_told_by_its_name(self) -> None:
        assert drain(sdn_xml, SIMPLE, "CONSOLIDATED.XML")[1].about.list == "ofac-consolidated"


class TestPublished:
    """A list dated ahead would stand for ever: no true version is newer. One dated wrongly may be an old one."""

    @pytest.mark.parametrize("day", ["12/03/2026", "13/01/2026", "2026-09-29", "soon", " "])
    def test_a_simple_list_of_a_day_that_cannot_be_is_refused(self, day: str) -> None:
        with pytest.raises(Unreadable, match="published on") as caught:
            drain(sdn_xml, SIMPLE.replace("09/29/2026", day), "SDN.XML")
        assert caught.value.line == 4

    @pytest.mark.parametrize(
        ("year", "month", "day"),
        [("2026", "12", "3"), ("2024", "", "20"), ("2024", "2", "30"), ("9" * 30, "1", "1"), ("", "", "")],
    )
    def test_an_advanced_list_of_a_day_that_cannot_be_is_refused(
        self, year: str, month: str, day: str
    ) -> None:
        date = "<Year>2024</Year><Month>3</Month><Day>20</Day>"
        other = f"<Year>{year}</Year><Month>{month}</Month><Day>{day}</Day>"
        with pytest.raises(Unreadable, match="published on") as caught:
            drain(sdn_xml, BOTH.replace(date, other), "SDN_ADVANCED.XML")
        assert caught.value.line == 3

    def test_tomorrow_is_no_future_for_it_has_begun_somewhere(self) -> None:
        found = drain(sdn_xml, SIMPLE.replace("09/29/2026", "12/02/2026"), "SDN.XML")[1]
        assert found.about.published == "2026-12-02"

    def test_a_list_that_names_no_day_is_undated(self) -> None:
        text = SIMPLE.replace("<Publish_Date>09/29/2026</Publish_Date>", "")
        assert drain(sdn_xml, text, "SDN.XML")[1].about.published == ""


class TestRefused:
    """A list is taken whole or not at all: what it no longer names is taken off the list."""

    def test_a_list_without_parties(self) -> None:
        with pytest.raises(Unreadable, match="names no party"):
            drain(sdn_xml, advanced(""), "SDN_ADVANCED.XML")

    @pytest.mark.parametrize("kept", [0.5, 0.9, 0.999])
    def test_a_list_that_breaks_off(self, kept: float) -> None:
        with pytest.raises(Unreadable, match="no well-formed XML"):
            drain(sdn_xml, BOTH[: int(len(BOTH) * kept)], "SDN_ADVANCED.XML")

    def test_the_enhanced_form(self) -> None:
        with pytest.raises(Unreadable, match=r"take SDN_ADVANCED\.XML"):
            drain(
                sdn_xml,
                '<sanctionsData xmlns="https://sanctionslistservice.ofac.treas.gov/x" />',
                "SDN_ENHANCED.XML",
            )

    @pytest.mark.parametrize(
        "doctype",
        [
            '<!DOCTYPE Sanctions [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
            '<!DOCTYPE Sanctions SYSTEM "file:///etc/passwd">',
        ],
    )
    def test_a_document_type(self, doctype: str) -> None:
        text = BOTH.replace("<Sanctions ", f"{doctype}\n<Sanctions ", 1)
        with pytest.raises(Unreadable, match="declares a document type") as caught:
            drain(sdn_xml, text, "SDN_ADVANCED.XML")
        assert caught.value.line == 2

    @pytest.mark.parametrize("levels", [3_000, 100_000])
    def test_elements_without_end_in_one_another(self, levels: int) -> None:
        nested = "<Feature>" * levels + "</Feature>" * levels
        text = advanced(LAZARUS.replace("<Comment />\n      <Profile", f"{nested}<Profile"))
        with pytest.raises(Unreadable, match="deep in one another"):
            drain(sdn_xml, text, "SDN_ADVANCED.XML")

    @given(
        st.sampled_from([("SDN_ADVANCED.XML", BOTH), ("SDN.XML", SIMPLE)]),
        st.lists(st.tuples(st.integers(300), st.integers(0, 40), st.binary(max_size=20)), max_size=4),
    )
    def test_damaged_bytes_never_end_in_anything_but_rows_or_a_refusal(
        self, file: tuple[str, str], damages: list[tuple[int, int, bytes]]
    ) -> None:
        name, text = file
        content = text.encode()
        for at, length, other in damages:
            at = 300 + at % len(content)
            content = content[:at] + other + content[at + length :]
        try:
            rows, _ = drain(sdn_xml, content.decode(errors="replace"), name)
        except Unreadable as refused:
            assert refused.line >= 1
        else:
            assert all(isinstance(value, str) for _, row in rows for value in row.values())

    @given(
        st.permutations(range(12)),
        st.sampled_from(
            ["Feature", "Profile", "Year", "DistinctParty", "VersionDetail", "NamePartValue", "Alias"]
        ),
    )
    def test_elements_in_each_others_place_never_end_in_anything_else(
        self, order: list[int], name: str
    ) -> None:
        pieces = BOTH.split(f"<{name}")
        head, rest = pieces[0], pieces[1:]
        shuffled = [rest[i % len(rest)] for i in order]
        try:
            rows, _ = drain(sdn_xml, f"<{name}".join([head, *shuffled]), "SDN_ADVANCED.XML")
        except Unreadable as refused:
            assert refused.reason
        else:
            assert rows

    @pytest.mark.parametrize("text", ["<CONSOLIDATED_LIST/>", "", "no XML"])
    def test_other_files_are_not_taken(self, text: str) -> None:
        assert not sdn_xml.recognise(Path("list.xml"), text)


def test_records_are_read_while_the_text_is_not_at_its_end() -> None:
    """So that a list of 100 MB needs no tree: the first party is there before the broken end is reached."""
    text = "<list>" + "<party>x</party>" * 20_000 + "<broken"
    stream = records(text, ("party",))
    assert next(stream).text == "x"
    with pytest.raises(Unreadable):
        list(stream)
